"""The `refimpl` command: check, vectors, list, show, run.

Exit status: 0 all passed, 1 findings, 2 the command was not understood.
"""

from __future__ import annotations

import argparse
import difflib
import errno
import io
import json
import os
import sys
from collections.abc import Iterable, Sequence

from . import __version__

EPILOG = """\
examples:
  refimpl list                          the methods that there are
  refimpl show sorting.sorting_network  the definition, its parameters, promises and cases
  refimpl check                         the specification itself, and recorded upstream numbers
  refimpl check my_sort.py              the functions in that file marked @implements
  refimpl check diffsort                a published library, through its packaged adapter
  refimpl vectors cases                 the cases as files, for other languages

mark your function like this, and check the file:
  from refimpl.conformance import implements

  @implements("sorting.sorting_network", framework="torch")
  def my_sort(x, *, network, distribution, steepness, art_lambda, **others):
      ...
      return sorted_values, permutation

exit status: 0 all passed, 1 findings, 2 the command was not understood"""


_OUTSIDE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)
"""What is wrong with the machine and not with the program: a full disk, no right to write."""


class _UsageError(Exception):
    """Something in the command line that does not exist."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["logic"]:  # its own parser understands the rest, --help as well
        given.insert(1, "--")
    for stream in (sys.stdout, sys.stderr):  # names of files and messages may hold anything
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        options = _parser().parse_args(given)
    except SystemExit as stop:  # argparse has printed what is wrong, or the help
        return stop.code if isinstance(stop.code, int) else 2
    try:
        status = options.run(options)
        sys.stdout.flush()  # here, so that a closed pipe is noticed here and not at exit
        return status
    except _UsageError as error:
        print(f"refimpl: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("refimpl: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("REFIMPL_TRACEBACK"):
            raise
        if isinstance(error, OSError) and error.errno in _OUTSIDE:
            place = f"{error.filename}: " if error.filename else ""
            print(f"refimpl: {place}{os.strerror(error.errno)}", file=sys.stderr)
            return 2
        kind = type(error).__name__
        print(f"refimpl: internal error: {kind}: {error}", file=sys.stderr)
        print("refimpl: please report this, with REFIMPL_TRACEBACK=1 set", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    from .conformance.exported import command as exported
    from .conformance.options import CHECK_EPILOG, add_arguments, seed

    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="refimpl",
        description="Executable specifications of differentiable algorithms:\n"
        "read them, and hold any implementation against them.",
        epilog=EPILOG,
        formatter_class=raw,
    )
    parser.add_argument("--version", action="version", version=f"refimpl {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = commands.add_parser(
        "check",
        help="test an implementation, a library, or the specification itself",
        description="Test an implementation, a library, or (without a target) the specification.",
        epilog=CHECK_EPILOG,
        formatter_class=raw,
    )
    add_arguments(check)
    check.set_defaults(run=_check)
    vectors = commands.add_parser(
        "vectors",
        help="write the cases as files that any language reads",
        description=exported.DESCRIPTION,
        epilog=exported.EPILOG,
        formatter_class=raw,
    )
    exported.add_arguments(vectors)
    vectors.set_defaults(run=_vectors)
    listing = commands.add_parser("list", help="the methods of the specification")
    listing.add_argument("pattern", nargs="?", default="*", help="only names like 'sorting.*'")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(run=_list)
    show = commands.add_parser(
        "show", help="a method: definition, source, parameters, promises, cases; or one case"
    )
    show.add_argument("name", help="a name from `refimpl list`, or NAME/CASE for one case")
    show.add_argument("--cases", action="store_true", help="list the names of all cases")
    show.add_argument("--seed", type=seed, default=0, help="seed of the random inputs")
    show.set_defaults(run=_show)
    experiment = commands.add_parser(
        "run", help="run an experiment", add_help=False, description="Run an experiment."
    )
    experiment.add_argument("name", nargs="?", default="--help", help="the experiment")
    experiment.add_argument("arguments", nargs=argparse.REMAINDER)
    experiment.set_defaults(run=_run)
    logic = commands.add_parser(
        "logic", help="logic gate networks: train, eval, export, bench", add_help=False
    )
    logic.add_argument("arguments", nargs=argparse.REMAINDER)
    logic.set_defaults(run=_logic)
    return parser


def _logic(options: argparse.Namespace) -> int:
    from .logic.command import main

    try:
        return main([a for i, a in enumerate(options.arguments) if (i, a) != (0, "--")])
    except SystemExit as stop:  # argparse has printed what is wrong, or the help
        return stop.code if isinstance(stop.code, int) else 2


def _run(options: argparse.Namespace) -> int:
    from .experiments import EXPERIMENTS
    from .experiments.command import listing, run

    if options.name in ("-h", "--help"):
        print(f"usage: refimpl run NAME [options]\n\n{listing()}")
        return 0
    if options.name not in EXPERIMENTS:
        close = difflib.get_close_matches(options.name, EXPERIMENTS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise _UsageError(f"no experiment {options.name!r}{hint}\n\n{listing()}")
    try:
        return run(options.name, options.arguments)
    except SystemExit as stop:  # argparse has printed what is wrong, or the help
        return stop.code if isinstance(stop.code, int) else 2
    except (ValueError, ImportError, OSError) as error:
        print(f"refimpl run {options.name}: {error}", file=sys.stderr)
        return 1


def _unknown(what: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(names[:20])}"
    raise _UsageError(f"no {what} {name!r}; {hint}")


def _check(arguments: argparse.Namespace) -> int:
    from .conformance.command import check
    from .conformance.loading import UsageError

    try:
        return check(arguments)
    except UsageError as error:
        raise _UsageError(str(error)) from error


def _vectors(arguments: argparse.Namespace) -> int:
    from .conformance.exported.command import vectors
    from .conformance.loading import UsageError

    try:
        return vectors(arguments)
    except UsageError as error:
        raise _UsageError(str(error)) from error


def _list(arguments: argparse.Namespace) -> int:
    import fnmatch

    from .conformance.show import listing, listing_json
    from .spec import all_entries, import_errors

    entries = all_entries()
    for name, reason in import_errors.items():
        print(f"refimpl: {name} does not import: {reason}", file=sys.stderr)
    chosen = [e for name, e in entries.items() if fnmatch.fnmatchcase(name, arguments.pattern)]
    if not chosen and arguments.pattern != "*":
        _unknown("method", arguments.pattern, entries)
    print(json.dumps(listing_json(chosen), indent=1) if arguments.json else listing(chosen))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from .conformance.show import show_case, show_entry
    from .spec import find

    name, _, case_name = arguments.name.partition("/")
    try:
        entry = find(name)
    except KeyError as error:
        raise _UsageError(str(error.args[0])) from error
    if not case_name:
        print(show_entry(entry, seed=arguments.seed, all_cases=arguments.cases))
        return 0
    cases = {case.name: case for case in entry.generate(arguments.seed)}
    if case_name not in cases:
        _unknown(f"case of {name}", case_name, cases)
    print(show_case(entry, cases[case_name]))
    return 0
