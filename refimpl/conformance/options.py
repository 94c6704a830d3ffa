"""The command line of `refimpl check`: its options, and what they mean for a run."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from .identity import changed, parse
from .known import read_known
from .loading import UsageError
from .low_precision import DTYPES
from .names import suggestion
from .outcome import LEVEL_KEYS
from .selection import Options

CHECK_EPILOG = """\
examples:
  refimpl check my_sort.py
  refimpl check my_sort.py --level values,vjp --max-cases 20
  refimpl check my_sort.py --case 'sorting.sorting_network/odd_even-*'
  refimpl check my_sort.py --html report.html    a page with tables and heat maps
  refimpl check diffsort --json report.json --junit report.xml
  refimpl check results/                         what another language computed, in files
  refimpl check jax_numpy                        JAX's own functions as the engine's operations
  refimpl check --all-peers                      where published libraries agree and deviate
  refimpl check my_sort.py --jobs 4 --xfail known.txt
  refimpl check my_sort.py --time-limit 60       what hangs is a finding
  refimpl check my_sort.py --dask tcp://scheduler:8786
  refimpl check --case 'recorded.autodiff/*'     only the recorded numbers of that topic

Every finding ends with the command that repeats it alone. Without a target the specification is
checked against itself: finite differences, invariants, float32, recorded upstream numbers
(a folder of your own with REFIMPL_VECTORS=FOLDER)."""


def add_arguments(check: argparse.ArgumentParser) -> None:
    """Declare the options on the parser of the command."""
    check.add_argument(
        "target", nargs="?", help="a Python file, a library with an adapter, or a folder of results"
    )
    check.add_argument(
        "--all-peers", action="store_true", help="every published library with an adapter"
    )
    _add_choices(check)
    _add_reports(check)


def _add_choices(check: argparse.ArgumentParser) -> None:
    group = check.add_argument_group("what is checked")
    group.add_argument(
        "--case", action="append", metavar="PATTERN", help="only METHOD or METHOD/CASE (repeatable)"
    )
    group.add_argument(
        "--method", action="append", metavar="PATTERN", help="only these methods (repeatable)"
    )
    group.add_argument("--function", metavar="NAME", help="only this one of the file's functions")
    levels = ", ".join(LEVEL_KEYS)
    group.add_argument("--level", metavar="LEVELS", help=f"only some of: {levels}")
    group.add_argument("--max-cases", type=_positive, metavar="N", help="at most N per method")
    group.add_argument("--seed", type=seed, default=0, help="seed of the random inputs")
    group.add_argument("--dtype", choices=DTYPES, help="the smooth cases in this format instead")
    group.add_argument("--device", metavar="NAME", help="where the inputs are: cuda, cuda:1, gpu")
    group.add_argument("--fail-fast", action="store_true", help="stop at the first finding")
    group.add_argument("--replay", metavar="ID", help="the case that a JSON report calls ID")
    group.add_argument(
        "--xfail", metavar="FILE", help="known failures, `METHOD/CASE # REASON` each"
    )
    group.add_argument(
        "--time-limit", type=_seconds, metavar="SECONDS", help="that a function has for each case"
    )
    group.add_argument(
        "--jobs", type=_positive, metavar="N", help="run functions in N processes of their own"
    )
    group.add_argument("--dask", metavar="ADDRESS", help="use the workers of a Dask cluster")


def _add_reports(check: argparse.ArgumentParser) -> None:
    group = check.add_argument_group("reports", "FILE may be - for standard output")
    group.add_argument("-v", "--verbose", action="store_true", help="name every failing case")
    group.add_argument("--json", metavar="FILE", help="write a JSON report")
    group.add_argument("--junit", metavar="FILE", help="write a JUnit XML report, for CI servers")
    group.add_argument("--html", metavar="FILE", help="write a page with tables and heat maps")
    group.add_argument("--markdown", metavar="FILE", help="with --all-peers: write it as a page")
    group.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of the JSON report, and stop"
    )


def seed(text: str) -> int:
    """The seed of random inputs from the command line."""
    number = int(text) if text.isdecimal() and len(text) < 20 else -1
    if not 0 <= number < 2**63:
        wanted = f"expected a whole number from 0 to 2^63 - 1, got {text!r}"
        raise argparse.ArgumentTypeError(wanted)
    return number


def _positive(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return number


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:  # about what timers take
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, got {text!r}")
    return number


def chosen(arguments: argparse.Namespace) -> Options:
    """The parsed command line as options of a run."""
    options = Options(
        seed=arguments.seed,
        cases=tuple(arguments.case) if arguments.case else "*",
        methods=tuple(arguments.method or ["*"]),
        levels=_levels(arguments.level),
        function=arguments.function,
        max_cases=arguments.max_cases,
        fail_fast=arguments.fail_fast,
        jobs=arguments.jobs or int(arguments.time_limit is not None),  # only a process can be ended
        dask=arguments.dask,
        time_limit=arguments.time_limit,
        dtype=arguments.dtype,
        device=arguments.device,
        known=read_known(arguments.xfail) if arguments.xfail else None,
    )
    return _replayed(arguments, options) if arguments.replay else options


def _replayed(arguments: argparse.Namespace, options: Options) -> Options:
    """One case by its full name; a note when it is not the case that it was."""
    if arguments.case or arguments.method:
        raise UsageError("--replay names a case: leave --case and --method out")
    identity = parse(arguments.replay)
    if note := changed(identity):
        print(f"refimpl: {note}", file=sys.stderr)
    return replace(options, seed=identity.seed, cases=identity.name, max_cases=None)


def _levels(text: str | None) -> tuple[str, ...]:
    if text is None:
        return tuple(LEVEL_KEYS)
    names = tuple(part.strip() for part in text.split(","))
    for name in names:
        if name not in LEVEL_KEYS:
            raise UsageError(f"no level {name!r}; {suggestion(name, LEVEL_KEYS)}")
    return names
