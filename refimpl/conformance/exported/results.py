"""`refimpl check DIR`: results that were computed elsewhere, held against the specification.

    DIR/METHOD/CASE.npz      out_NAME, and where they were computed grad_NAME, jvp_NAME, hvp_NAME
    DIR/manifest.json        optional: that of the vectors, so that other cases are noticed
    DIR/unsupported.txt      optional: `METHOD/CASE # REASON`, a line for each pattern

A method without a folder is listed as not run. A case without a result is a finding, unless
`unsupported.txt` gives a reason. A check of which no case of the method has an array (there is no
`grad_` anywhere) is unsupported; where only some lack it, each of them is a finding.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from refimpl import __version__
from refimpl.spec import CHECKS, Case, Entry, all_entries

from ..at_case import quiet
from ..cases import applicable, check_case
from ..diagnose import explain
from ..faults import describe
from ..frameworks.on_files import Stored
from ..identity import digest
from ..invariants import check_invariants
from ..names import suggestion
from ..outcome import LEVEL_KEYS, Outcome, level_of
from ..points import Expected, expect
from ..run_report import Report
from ..selection import Options
from ..target import Implementation
from .folder import UNSUPPORTED, Folder, open_results, strays
from .layout import PREFIXES, RESULTS
from .limits import BrokenFile
from .verify import read_arrays

Arrays = Mapping[str, np.ndarray]


def check_results(path: Path, options: Options | None = None) -> Report:
    """Check every result in the folder. UsageError when there is none."""
    options = options or Options()
    command = f"refimpl check {shlex.quote(str(path))}"
    report = Report(str(path), options.seed, command=command)
    report.xfail = options.known.path if options.known else ""
    try:
        folder = open_results(path, options)
    except BrokenFile as error:
        report.errors.append(str(error))
        return report
    report.seed, options = folder.seed, replace(options, seed=folder.seed)
    with report.running(), quiet():
        report.errors += strays(folder)
        outcomes = _everything(folder, options)
        report.collect(options.marked(outcomes), fail_fast=options.fail_fast)
        explain(report.groups)
    return report


def _everything(folder: Folder, options: Options) -> Iterator[Outcome]:
    for name, entry in all_entries().items():
        if not options.wants(name):
            continue
        if os.path.isdir(folder.path / name):
            cases = [c for c in options.select(entry) if folder.expects(name, c.name)]
            written = _written(folder, entry)
            for case in options.progress(cases, name):
                yield from _check(folder, entry, case, written, options)
            yield from _gone(folder, entry, options)
        elif folder.digests and any(case.startswith(f"{name}/") for case in folder.digests):
            yield _outcome(name, "", "not run", "no results: there is no folder of that name")


def _gone(folder: Folder, entry: Entry, options: Options) -> Iterator[Outcome]:
    """A finding for each case of the vectors that this version does not have."""
    now = {f"{entry.name}/{case.name}" for case in entry.generate(folder.seed)}
    for name in folder.digests or ():
        method, _, case = name.partition("/")
        if method == entry.name and name not in now and options.wants(method, case):
            yield _outcome(method, case, "fail", _other_version(folder, "there is no such case"))


def _other_version(folder: Folder, what: str) -> str:
    return (
        f"{what} in refimpl {__version__}; the vectors are of {folder.writer}. Write them again, "
        "or check the results with that version"
    )


def _outcome(
    entry: str, case: str, status: str, message: str, check: str = "values", level: str = ""
) -> Outcome:
    outcome = Outcome(entry, case, check, level or LEVEL_KEYS["values"], status)
    outcome.subject, outcome.message = "result file", message
    return outcome


def _written(folder: Folder, entry: Entry) -> set[str]:
    """The checks of which at least one case has an array, whatever else is wrong with its file."""
    found = set()
    for case in entry.generate(folder.seed):
        try:
            name = folder.file(entry, case)
            arrays = read_arrays(folder.path, name) if name else {}
        except (BrokenFile, ImportError):
            continue
        prefixes = {array.partition("_")[0] for array in arrays}
        found |= {check for check, prefix in RESULTS.items() if prefix in prefixes}
    return found


def _check(
    folder: Folder, entry: Entry, case: Case, written: set[str], options: Options
) -> Iterator[Outcome]:
    """One case: its file, then what the file holds."""
    level = level_of(case, "values")

    def found(status: str, message: str) -> Outcome:
        return _outcome(entry.name, case.name, status, message, level=level)

    if folder.digests and folder.digests[f"{entry.name}/{case.name}"] != digest(case):
        yield found("fail", _other_version(folder, "the case has other inputs"))
        return
    try:
        name = folder.file(entry, case)
        if name is None:
            reason = folder.reason(entry.name, case.name)
            path = folder.path / entry.name / f"{case.name}.npz"
            missing = f"no result: {path} is missing (or give a reason in {UNSUPPORTED})"
            yield found("unsupported", reason) if reason else found("fail", missing)
            return
        expected = expect(entry, case, options.seed)
        arrays = read_arrays(folder.path, name)
        _check_names(folder.path / name, arrays, entry, case, expected)
        yield from _compare(folder.path / name, arrays, entry, case, expected, written, options)
    except (BrokenFile, ImportError) as error:
        yield found("fail", str(error))
    except Exception as error:  # a fault of the reference must not look like one of the results
        message = f"the reference itself failed, which is a bug in refimpl: {describe(error)}"
        yield found("fail", message)


def _check_names(path: Path, arrays: Arrays, entry: Entry, case: Case, expected: Expected) -> None:
    """BrokenFile for arrays that the case does not have, and for inputs that are not its own."""
    for array, value in arrays.items():
        prefix, _, name = array.partition("_")
        known = case.params if prefix == "param" else {**expected.values, **case.inputs}
        if prefix != "param" and name not in known:
            raise BrokenFile(path, f"array {array}: {suggestion(array, _names(entry))}")
        if prefix == "in":
            right = np.asarray(case.inputs.get(name))
            if value.shape != right.shape or not np.array_equal(value, right, equal_nan=True):
                raise BrokenFile(path, f"{array} is not the input of the case in this version")


def _names(entry: Entry) -> list[str]:
    """The arrays that results may have."""
    by = {"out": entry.outputs, "grad": entry.differentiable, "hvp": entry.differentiable}
    by["jvp"] = entry.outputs
    return [f"{prefix}_{name}" for prefix, names in by.items() for name in names]


def _compare(
    path: Path,
    arrays: Arrays,
    entry: Entry,
    case: Case,
    expected: Expected,
    written: set[str],
    options: Options,
) -> Iterator[Outcome]:
    """The checks whose arrays are there; a word about each of the others."""
    present = []
    for check in applicable(entry, case, expected):
        level = level_of(case, check)
        if not options.wants_level(level):
            continue
        names = list(expected.cotangents) if check == "jvp" else list(entry.differentiable)
        wanted = list(expected.values) if check == "values" else names
        absent = [f"{RESULTS[check]}_{n}" for n in wanted if f"{RESULTS[check]}_{n}" not in arrays]
        if not absent:
            present.append(check)
        elif check != "values" and check not in written:
            why = f"the results hold no arrays {RESULTS[check]}_NAME of this method"
            yield _outcome(entry.name, case.name, "unsupported", why, check, level)
        else:
            message = f"{path}: no array {', '.join(absent)}"
            yield _outcome(entry.name, case.name, "fail", message, check, level)
    groups: dict[str, dict[str, np.ndarray]] = {prefix: {} for prefix in PREFIXES}
    for array, value in arrays.items():
        prefix, _, name = array.partition("_")
        groups[prefix][name] = value
    stored = Stored(case.inputs, case.params, expected.cotangents, groups)
    if set(expected.values) <= set(groups["out"]):
        claim = Implementation(entry.name, stored, "files")
        checks = [check for check in CHECKS if check in present]
        yield from check_case(claim, entry, case, checks, seed=options.seed)
        if options.wants_level(LEVEL_KEYS["invariants"]):
            yield from check_invariants(claim, entry, case)
