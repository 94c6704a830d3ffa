"""Tests from folders of recorded numbers: one per record, named after its case."""

from pathlib import Path

import pytest

from refimpl.conformance.recorded import RESOLVED_TOPICS, adapter_for
from refimpl.conformance.vectors import compare_record, records, vectors_folder

DEFAULT = Path(__file__).resolve().parent.parent / "vectors"


def recorded_tests(topic):
    """A decorator that gives a test function each record of the topic, or one that is skipped."""
    folder = vectors_folder() or DEFAULT
    if not (folder / topic / "index.json").exists():
        reason = f"no recorded numbers of the topic {topic} in {folder}"
        return pytest.mark.parametrize(
            "record", [pytest.param(None, marks=pytest.mark.skip(reason))]
        )
    found = records(folder, topic)
    return pytest.mark.parametrize("record", found, ids=[record.case for record in found])


def hold_against(record):
    """Compare a record; a record that nobody understands fails once its topic is resolved."""
    adapter = adapter_for(record)
    if adapter is None:
        system, function = record.key
        if record.topic not in RESOLVED_TOPICS:
            pytest.skip(f"no adapter yet for {system}")
        pytest.fail(f"no adapter for {system}: {function}")
    try:
        compared = list(compare_record(record, adapter))
    except FileNotFoundError as missing:
        pytest.skip(f"needs a data set: {missing}")
    assert compared, f"nothing is recorded in {record.case}"
    wrong = [f"{found.subject}: {found.result}" for found in compared if not found.result]
    assert not wrong, "\n".join([f"{record.key} {dict(record.fields['params'])}", *wrong])
