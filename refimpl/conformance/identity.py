"""Names under which a case is found again: `METHOD/CASE@SEED~DIGEST`.

The digest is that of the inputs and parameters, so that a report of another version, or of another
seed, is not mistaken for the same case.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np

from refimpl.spec import Case, find

from .loading import UsageError
from .run_report import Report


class Identity(NamedTuple):
    """The parts of a name: `METHOD/CASE`, the seed, and the digest or ""."""

    name: str
    seed: int
    digest: str


def digest(case: Case) -> str:
    """Eight hexadecimal digits that depend on the inputs, to the last bit, and the parameters."""
    value = zlib.crc32(repr(sorted(case.params.items())).encode())
    for name, given in sorted(case.inputs.items()):
        array = np.ascontiguousarray(given)
        head = f"{name} {array.dtype.str} {np.shape(given)}".encode()
        value = zlib.crc32(array.tobytes(), zlib.crc32(head, value))
    return f"{value:08x}"


def identities(report: Report) -> dict[tuple[str, str], str]:
    """The full name of every case of a report, by method and case."""
    found = {}
    for method in {outcome.entry for outcome in report.outcomes}:
        try:
            cases = find(method).generate(report.seed)
        except KeyError:  # recorded numbers have no inputs to draw
            continue
        for case in cases:
            found[method, case.name] = f"{method}/{case.name}@{report.seed}~{digest(case)}"
    return found


def parse(text: str) -> Identity:
    """The parts of a name. UsageError when it is none."""
    name, _, rest = text.partition("@")
    seed, _, wanted = rest.partition("~")
    if "/" not in name or not seed.isdecimal():
        raise UsageError(
            f"--replay {text!r}: expected METHOD/CASE@SEED, as in the JSON report's id"
        )
    return Identity(name, int(seed), wanted)


def changed(identity: Identity) -> str:
    """A sentence when the case has other inputs than it had when it was named, else ""."""
    method, _, case_name = identity.name.partition("/")
    try:
        cases = {case.name: case for case in find(method).generate(identity.seed)}
    except KeyError:
        return ""
    if not identity.digest or case_name not in cases:
        return ""
    now = digest(cases[case_name])
    if now == identity.digest:
        return ""
    return f"{identity.name} has other inputs in this version (digest {now}, not {identity.digest})"
