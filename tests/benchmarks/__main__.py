"""`python -m tests.benchmarks [NAME ...] [--rounds N] [--json FILE]`: speed beside peers."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # before NumPy is imported

MODULES = ("engine", "logic", "sorting", "topk", "fast_sort", "rendering", "relaxation", "training")


def _prefer_installed_packages() -> None:
    """Put the repository's root last on the path: its folder autograd/ would hide HIPS autograd."""
    root = Path(__file__).resolve().parents[2]
    here = [entry for entry in sys.path if Path(entry or ".").resolve() == root]
    sys.path[:] = [entry for entry in sys.path if entry not in here] + [str(root)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Time refimpl beside its peers, interleaved on one thread, and print ratios.",
    )
    parser.add_argument("modules", nargs="*", help=f"which: {', '.join(MODULES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=30, help="rounds per workload (default: 30)")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.modules if name not in MODULES]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; there are {', '.join(MODULES)}")
    _prefer_installed_packages()
    from .measure import table

    results = []
    for name in options.modules or MODULES:
        module = importlib.import_module(f".{name}", __package__)
        print(f"\n{module.__doc__.strip()}\n")
        found = module.run(options.rounds)
        print(getattr(module, "table", table)(found))
        absent = module.missing()
        if absent:
            print(f"\nnot installed, left out: {', '.join(absent)}")
        results += found
    if options.json:
        import numpy as np

        machine = {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "machine": platform.machine(),
        }
        options.json.write_text(json.dumps({"machine": machine, "rows": results}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
