"""`refimpl run`: find an experiment, read its options, run it, write its results.

A module of an experiment has DESCRIPTION, EXAMPLES (options, and what they do), FULL (how long the
size of the paper takes), `add_options(parser)` and `run(options, results)`. Where an option's
default is `Sized(small, full)` there is `--full`; with ON_CUPY = True, `--backend`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..autograd import backend
from ..validation import choose
from . import EXPERIMENTS
from .results import Results


class Sized(NamedTuple):
    """A default for minutes on a CPU, and the setting of the paper."""

    small: Any
    full: Any

    def __str__(self) -> str:
        return f"{_text(self.small)}; with --full {_text(self.full)}"


class _Help(argparse.HelpFormatter):
    """Help with the defaults, where there is one to tell; several lines stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)

    def _get_help_string(self, action: argparse.Action) -> str:
        text, default = action.help or "", action.default
        if default is None or default is False or default is argparse.SUPPRESS:
            return text
        every = action.nargs == "+" and action.choices == default
        shown = "all" if every else _text(default).replace("%", "%%")
        return f"{text} (default: {shown})".strip()

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


def listing() -> str:
    """The experiments, a line each."""
    width = max(map(len, EXPERIMENTS))
    lines = [f"  {name:{width}}  {text}" for name, (_, text) in EXPERIMENTS.items()]
    return "\n".join(["experiments:", *lines, "", "refimpl run NAME --help explains its options."])


def run(name: str, arguments: Sequence[str]) -> int:
    """Run the experiment `name`; returns the exit status.

    Raises ValueError for an unknown name, and SystemExit as argparse does.
    """
    module, understood = _module(name), parser(name)
    options = _chosen(understood.parse_args(arguments))
    _refuse_small_numbers(understood, options)
    results = Results(options.out, _comparable(options), restart=options.restart)
    start = time.perf_counter()
    try:
        with backend(options.backend) if hasattr(options, "backend") else contextlib.nullcontext():
            found = module.run(options, results)
    except KeyboardInterrupt:
        goes_on = "goes on from the last saved state" if results.has_state() else "begins anew"
        print(f"\nthe same command {goes_on}", file=sys.stderr)
        raise
    results.finish(found, time.perf_counter() - start)
    print(f"\n{_table(found['runs'])}")
    written = sorted(path.name for path in options.out.iterdir() if path.is_file())
    print(f"\n{options.out}: {', '.join(written)}")
    return 0


def parser(name: str) -> argparse.ArgumentParser:
    """What understands the options of the experiment `name`. ValueError for an unknown one."""
    module = _module(name)
    found = argparse.ArgumentParser(
        prog=f"refimpl run {name}",
        description=module.DESCRIPTION,
        epilog=_epilog(name, module),
        formatter_class=_Help,
    )
    module.add_options(found)
    _add_common(found, name, module)
    return found


def _module(name: str) -> Any:
    known = EXPERIMENTS[choose(name, EXPERIMENTS, "experiment")]
    return importlib.import_module(f".{known[0]}", __package__)


def _epilog(name: str, module: Any) -> str:
    lines = ["examples:"]
    for options, what in module.EXAMPLES:
        lines += [f"  refimpl run {name} {options}".rstrip(), f"      {what}"]
    return "\n".join(lines)


def _add_common(parser: argparse.ArgumentParser, name: str, module: Any) -> None:
    common = parser.add_argument_group(
        "all experiments",
        "Results are written to results.json in the folder --out, and plots beside it where "
        "matplotlib is installed. Ctrl-C stops a run; the same command goes on where it stopped.",
    )
    common.add_argument("--seed", type=int, default=0, help="seed of all random numbers")
    common.add_argument(
        "--out",
        type=Path,
        default=Path("results") / name,
        help="folder for results and pictures; those of an earlier run are overwritten",
    )
    common.add_argument(
        "--restart", action="store_true", help="forget an interrupted run in that folder"
    )
    if any(isinstance(action.default, Sized) for action in parser._actions):
        common.add_argument(
            "--full", action="store_true", help=f"the size of the paper: {module.FULL}"
        )
    if getattr(module, "ON_CUPY", False):
        common.add_argument(
            "--backend",
            choices=("numpy", "cupy"),
            default=os.environ.get("REFIMPL_BACKEND") or "numpy",
            help="compute on the CPU, or on a GPU; REFIMPL_BACKEND sets the default",
        )


def _chosen(options: argparse.Namespace) -> argparse.Namespace:
    """The options with one size for each."""
    for key, value in vars(options).items():
        if isinstance(value, Sized):
            setattr(options, key, value.full if options.full else value.small)
    return options


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as columns of text, without curves and other lists, which are in the file."""
    names = list(dict.fromkeys(k for row in rows for k, v in row.items() if _is_short(v)))
    lines = [names, *([_cell(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(names))]
    padded = ("  ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def _is_short(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _refuse_small_numbers(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Whole numbers are counts and sizes, from 1 on; seeds may be 0."""
    for action in parser._actions:
        given = getattr(options, action.dest, None)
        least = 0 if action.dest == "seed" else 1
        for value in given if isinstance(given, (list, tuple)) else [given]:
            if action.type is int and value is not None and value < least:
                parser.error(f"{action.option_strings[0]}: expected {least} or more, got {value}")


def _text(value: Any) -> str:
    if isinstance(value, tuple) and not isinstance(value, Sized):
        return " ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _comparable(options: argparse.Namespace) -> dict[str, Any]:
    """The options that make two runs the same."""
    left_out = ("out", "restart")
    return {k: _plain(v) for k, v in sorted(vars(options).items()) if k not in left_out}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
