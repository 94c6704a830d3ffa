"""Interleaved timing: every contestant once per round, so that all meet the same conditions."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def interleaved(
    contestants: Mapping[str, Callable[[], Any]], rounds: int
) -> dict[str, list[float]]:
    """Processor time in ms of each call, one list per contestant, after one warm-up round."""
    for run in contestants.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            start = time.process_time()
            run()
            times[name].append((time.process_time() - start) * 1e3)
    return times


def rows(
    workload: str,
    times: Mapping[str, list[float]],
    ours: str = "refimpl",
    targets: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """One row per contestant: best and median time, and our best time as a fraction of its best."""
    best = {name: min(t) for name, t in times.items()}
    return [
        {
            "workload": workload,
            "engine": name,
            "best_ms": round(best[name], 4),
            "median_ms": round(statistics.median(t), 4),
            "ours_over_theirs": round(best[ours] / best[name], 3),
            "target": (targets or {}).get(name),
        }
        for name, t in times.items()
    ]


def table(results: Iterable[Mapping[str, Any]]) -> str:
    """The rows as aligned text; a target is the largest fraction that was promised."""
    lines = [
        f"{'workload':36} {'engine':24} {'best ms':>10} {'median ms':>10} {'ours/theirs':>12}  "
        "target"
    ]
    previous = None
    for row in results:
        if previous not in (None, row["workload"]):
            lines.append("")
        name = row["workload"] if row["workload"] != previous else ""
        previous = row["workload"]
        target = row.get("target")
        verdict = (
            ""
            if target is None
            else f"<= {target:.2f} {'met' if row['ours_over_theirs'] <= target else 'MISSED'}"
        )
        lines.append(
            f"{name:36} {row['engine']:24} {row['best_ms']:10.3f} {row['median_ms']:10.3f} "
            f"{row['ours_over_theirs']:12.3f}  {verdict}"
        )
    return "\n".join(lines)
