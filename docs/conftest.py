"""The built site holds copies of the pages; only the originals are tests."""

collect_ignore = ["_build"]
