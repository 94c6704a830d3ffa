"""The state of the field: every published library with an adapter, and where each one deviates.

refimpl check --all-peers
refimpl check --all-peers --markdown docs/peers.md --html peers.html
"""

from __future__ import annotations

import datetime as dt
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from refimpl import __version__

from .check import check_target
from .loading import LoadError, adapters, load
from .outcome import Outcome
from .report import counted
from .run_report import Report
from .selection import Options
from .terminal import wrapped


class Peer(NamedTuple):
    """One library: the report about it, or why it cannot be checked here."""

    name: str
    report: Report | None
    missing: str = ""

    @property
    def version(self) -> str:
        """The library's version; those of its frameworks where it has none of its own."""
        packages = self.report.packages if self.report else {}
        others = ", ".join(f"{name} {version}" for name, version in packages.items())
        return packages.get(self.name) or (f"with {others}" if others else "")


class Verdict(NamedTuple):
    """What is known about one method of a library.

    state   agrees; deviates (for the reasons given); differs (without a reason); not offered
    passed  comparisons that passed, of `compared`; `missing` more are of what it does not offer
    """

    method: str
    state: str
    passed: int
    compared: int
    missing: int
    reasons: tuple[str, ...]


def check_peers(options: Options) -> list[Peer]:
    """Check every library with an adapter."""
    return [_peer(name, options) for name in adapters()]


def _peer(name: str, options: Options) -> Peer:
    try:
        return Peer(name, check_target(load(name), options))
    except LoadError as error:
        reason = str(error).partition("cannot run: ")[2] or str(error)
        return Peer(name, None, reason)


def verdicts(report: Report) -> list[Verdict]:
    """The methods of a library, in the order of its adapter."""
    methods: dict[str, list[Outcome]] = {}
    for outcome in report.outcomes:
        methods.setdefault(outcome.entry, []).append(outcome)
    return [_verdict(method, outcomes) for method, outcomes in methods.items()]


def _verdict(method: str, outcomes: list[Outcome]) -> Verdict:
    statuses = Counter(outcome.status for outcome in outcomes)
    compared = statuses["pass"] + statuses["fail"] + statuses["expected"]
    known = dict.fromkeys(o.message for o in outcomes if o.status == "expected")
    if statuses["fail"]:
        first = next(o for o in outcomes if o.failed)
        known[f"{first.check} of {first.case}: {first.subject}: {first.message}"] = None
    state = "differs" if statuses["fail"] else "deviates" if known else "agrees"
    state = state if compared else "not offered"
    missing = statuses["unsupported"]
    return Verdict(method, state, statuses["pass"], compared, missing, tuple(known))


def exit_status(peers: list[Peer]) -> int:
    """1 when a library differs in a way that has no known reason, or nothing was checked."""
    reports = [peer.report for peer in peers if peer.report is not None]
    return int(not reports or any(report.failures or report.errors for report in reports))


def peers_text(peers: list[Peer]) -> str:
    """The table and the deviations, for a terminal."""
    rows = [("package", "version", "agree", "deviate", "differ"), *map(_row, peers)]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    for peer in peers:
        lines += ["", peer.name, *_details(peer)]
    return "\n".join(lines) + "\n"


def _row(peer: Peer) -> tuple[str, ...]:
    if peer.report is None:
        return (peer.name, "-", "-", "-", "-")
    states = Counter(verdict.state for verdict in verdicts(peer.report))
    numbers = (str(states[state]) for state in ("agrees", "deviates", "differs"))
    return (peer.name, peer.version, *numbers)


def _details(peer: Peer) -> Iterator[str]:
    if peer.report is None:
        yield from wrapped(f"not checked: {peer.missing}", "  ", "    ")
        return
    yield from (f"  {error}" for error in peer.report.errors)
    for verdict in verdicts(peer.report):
        yield f"  {verdict.method}: {verdict.state}, {_share(verdict)}"
        for reason in verdict.reasons:
            yield from wrapped(reason, "    - ", "      ")


def _share(verdict: Verdict) -> str:
    if verdict.passed == verdict.compared:
        share = counted(verdict.compared, "comparison")
    else:
        share = f"{verdict.passed} of {counted(verdict.compared, 'comparison')}"
    return share + _missing(verdict)


def _missing(verdict: Verdict) -> str:
    return f", {verdict.missing} not offered" if verdict.missing else ""


def peers_markdown(peers: list[Peer], date: dt.date) -> str:
    """The same as a page of the documentation."""
    lines = [
        "# Published libraries, compared",
        "",
        *textwrap.wrap(
            f"Written on {date.isoformat()} by `refimpl check --all-peers --markdown "
            f"docs/peers.md`, refimpl {__version__}. A method *agrees* when all of its comparisons "
            "pass: values, gradients, tangents, second derivatives, promises, edge cases and "
            "dtypes. Comparisons of what a library does not offer, such as a parameter or a "
            "derivative that it has no rule for, are counted apart. It *deviates* where some fail "
            "for a reason that is known and given here, and *differs* where they fail for none.",
            100,
        ),
        "",
        "| package | version | agree | deviate | differ |",
        "|---|---|---|---|---|",
        *("| " + " | ".join(_row(peer)) + " |" for peer in peers),
    ]
    for peer in peers:
        lines += ["", f"## {peer.name} {peer.version}".rstrip(), "", *_section(peer)]
    return "\n".join(lines) + "\n"


def _section(peer: Peer) -> Iterator[str]:
    if peer.report is None:
        yield f"Not checked: {peer.missing}."
        return
    yield "| method | verdict | comparisons passed | why |"
    yield "|---|---|---|---|"
    for verdict in verdicts(peer.report):
        why = "; ".join(reason.replace("|", "\\|") for reason in verdict.reasons)
        share = f"{verdict.passed} of {verdict.compared}{_missing(verdict)}"
        share = share if verdict.compared else "-"
        yield f"| {verdict.method} | {verdict.state} | {share} | {why} |"
