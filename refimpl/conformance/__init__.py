"""Testing an implementation against the specification."""
