"""`refimpl run`: find an experiment, read its options, run it, write its results."""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..validation import choose
from . import EXPERIMENTS
from .results import Results


def listing() -> str:
    """The experiments, a line each."""
    width = max(map(len, EXPERIMENTS))
    lines = [f"  {name:{width}}  {text}" for name, (_, text) in EXPERIMENTS.items()]
    return "\n".join(["experiments:", *lines, "", "refimpl run NAME --help explains its options."])


def run(name: str, arguments: Sequence[str]) -> int:
    """Run the experiment `name`; returns the exit status.

    Raises ValueError for an unknown name, and SystemExit as argparse does.
    """
    module = importlib.import_module(
        f".{EXPERIMENTS[choose(name, EXPERIMENTS, 'experiment')][0]}", __package__
    )
    parser = argparse.ArgumentParser(
        prog=f"refimpl run {name}",
        description=module.DESCRIPTION,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    module.add_options(parser)
    common = parser.add_argument_group("all experiments")
    common.add_argument("--seed", type=int, default=0, help="of all random numbers")
    common.add_argument(
        "--out", type=Path, default=Path("results") / name, help="folder for results and pictures"
    )
    common.add_argument(
        "--restart", action="store_true", help="forget an interrupted run in that folder"
    )
    options = parser.parse_args(arguments)
    results = Results(options.out, _comparable(options), restart=options.restart)
    start = time.perf_counter()
    found = module.run(options, results)
    results.finish(found, time.perf_counter() - start)
    print(json.dumps(found, indent=1, default=float))
    print(f"results in {options.out}")
    return 0


def _comparable(options: argparse.Namespace) -> dict[str, Any]:
    """The options that make two runs the same."""
    left_out = ("out", "restart")
    return {k: _plain(v) for k, v in sorted(vars(options).items()) if k not in left_out}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
