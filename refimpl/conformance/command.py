"""`refimpl check`: from the parsed command line to reports and an exit status."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from refimpl.progress import progress

from . import loading
from .check import check_target
from .exported.results import check_results
from .html_report import html_report, write_html
from .json_report import schema_text, write_json
from .junit import write_junit
from .names import closest_cases
from .options import chosen
from .peers import check_peers, exit_status, peers_markdown, peers_text
from .report import text_report
from .run_report import Interrupted, Report
from .selection import Options
from .specification import check_specification

Writer = Callable[[Report, TextIO], None]
WRITERS: dict[str, Writer] = {"json": write_json, "junit": write_junit, "html": write_html}


def check(arguments: argparse.Namespace) -> int:
    """Run the check, print and write its reports; the exit status."""
    if arguments.schema:
        print(schema_text(), end="")
        return 0
    _fitting(arguments)
    _writable(arguments)
    options = replace(chosen(arguments), progress=_bar)
    if arguments.all_peers:
        return _peers(arguments, options)
    try:
        with redirect_stdout(sys.stderr):  # what the target prints is no part of the report
            report = _report(arguments, options)
    except Interrupted as stop:
        _show(stop.report, arguments)
        raise
    if not report.outcomes and not report.errors:
        _nothing_matches(arguments, options)
    _show(report, arguments)
    return report.exit_status


def _show(report: Report, arguments: argparse.Namespace) -> None:
    """Print the report, and write the files that are asked for."""
    reports = _reports(arguments)
    if "-" not in reports.values():
        print(text_report(report, verbose=arguments.verbose), end="")
    for option, path in reports.items():
        with _opened(path) as stream:
            WRITERS[option](report, stream)


def _fitting(arguments: argparse.Namespace) -> None:
    """UsageError for options that do not go together."""
    alone = arguments.target is None and not arguments.all_peers
    for name in ("jobs", "time_limit", "xfail", "dtype", "device", "dask", "function"):
        if getattr(arguments, name) is not None and alone:
            raise loading.UsageError(f"--{name.replace('_', '-')}: expected a target to check")
    if arguments.markdown and not arguments.all_peers:
        raise loading.UsageError("--markdown is for --all-peers; for a target there is --html")
    if arguments.all_peers and any((arguments.target, arguments.json, arguments.junit)):
        raise loading.UsageError("--all-peers takes no target, and writes --html and --markdown")
    if arguments.all_peers and arguments.function is not None:
        raise loading.UsageError("--function: not with --all-peers, where no library has them all")
    if arguments.dask is not None and arguments.jobs is not None:
        raise loading.UsageError("--jobs is for processes here, --dask for a cluster: give one")
    if arguments.dask is not None and arguments.time_limit is not None:
        reason = "workers of a cluster run functions in threads, which nothing can end"
        raise loading.UsageError(f"--time-limit: not with --dask: {reason}")


def _peers(arguments: argparse.Namespace, options: Options) -> int:
    """Check every published library; print, and write, where they agree."""
    found, pages = check_peers(options), _reports(arguments)
    if "-" not in pages.values():
        print(peers_text(found), end="")
    reports = [peer.report for peer in found if peer.report is not None]
    for option, path in pages.items():
        markdown = option == "markdown"
        with _opened(path) as stream:
            stream.write(
                peers_markdown(found, dt.date.today()) if markdown else html_report(reports)
            )
    return exit_status(found)


def _report(arguments: argparse.Namespace, options: Options) -> Report:
    if arguments.target is None:
        return check_specification(options)
    if arguments.target not in loading.adapters() and Path(arguments.target).is_dir():
        return check_results(Path(arguments.target), options)
    try:
        return check_target(loading.load(arguments.target), options)
    except loading.LoadError as error:
        return Report(arguments.target, arguments.seed, errors=[str(error)])


def _reports(arguments: argparse.Namespace) -> dict[str, str]:
    """Where reports go, by option: a path, or "-" for standard output."""
    wanted = {option: getattr(arguments, option) for option in (*WRITERS, "markdown")}
    return {option: path for option, path in wanted.items() if path}


def _opened(path: str) -> AbstractContextManager[TextIO]:
    """The file, or standard output, which stays open."""
    if path == "-":
        return nullcontext(sys.stdout)
    return open(path, "w", encoding="utf-8", errors="backslashreplace")


def _writable(arguments: argparse.Namespace) -> None:
    """UsageError for a report that cannot be written, before the check and not after it."""
    reports = _reports(arguments)
    if len(printed := [f"--{option} -" for option, path in reports.items() if path == "-"]) > 1:
        raise loading.UsageError(f"{' and '.join(printed)}: standard output takes one report")
    for option, path in reports.items():
        try:
            if path != "-":
                Path(path).open("a", encoding="utf-8").close()
        except OSError as error:
            raise loading.UsageError(f"--{option} {path}: {error.strerror}") from error


def _nothing_matches(arguments: argparse.Namespace, options: Options) -> None:
    """UsageError that repeats what was asked for, and says what may have been meant."""
    patterns = [p for p in (*options.patterns, *options.methods) if p != "*"]
    close = [name for pattern in patterns for name in closest_cases(pattern, options.seed)]
    close = close or [repr(f"*/{p}") for p in options.patterns if "/" not in p and p != "*"]
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    where = f"in {arguments.target}" if arguments.target else "in the specification"
    given = {"case": options.patterns, "method": options.methods, "level": [arguments.level]}
    wanted = [f"--{k} {p!r}" for k, names in given.items() for p in names if p not in ("*", None)]
    raise loading.UsageError(f"nothing {where} matches {' '.join(wanted)}{hint}")


def _bar(items: Iterable[Any], label: str) -> Iterable[Any]:
    return progress(items, label)
