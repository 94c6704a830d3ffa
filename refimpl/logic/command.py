"""`refimpl logic`: train a network, evaluate it, export its circuit, measure its speed."""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..progress import progress
from ..validation import choose, non_negative, whole
from . import netlist as circuits
from .checkpoint import load_run, save_run
from .connections import SCHEMES
from .discretise import discretise
from .inference import Engine
from .network import Network, build, initial_params, load, save
from .simplify import simplify
from .tasks import CSV_DEFAULTS, DEFAULTS, Task, as_bits, defaults, load_task
from .training import Run, accuracy, start, train

DESCRIPTION = """\
Differentiable logic gate networks: gates of two inputs, such as "a and not b", that learn by
gradient which gate to be. Afterwards every gate is its most probable one, and the network is a
Boolean circuit: bits in, votes for classes out."""
EPILOG = f"""\
examples:
  refimpl logic train monk1 --seed 1 --out monk1.npz          half a minute
  refimpl logic train mnist --steps 15000 --out mnist.npz     (again: goes on after an interruption)
  refimpl logic train table.csv --layers 4 --width 200        label in the last column
  refimpl logic eval mnist.npz
  refimpl logic export mnist.npz --format verilog --out mnist.v
  refimpl logic bench mnist.npz

data sets: {", ".join(DEFAULTS)}, or a CSV file. Their files
are looked for in the folder REFIMPL_DATA, then downloaded (MONK's problems need none)."""
TRAIN = """\
Train by Adam on the cross-entropy of the classes' votes, and print the accuracy of the discretised
network, in which every gate is its most probable one, on the test set. What is not given is as in
Petersen et al. 2022, but for fewer steps. The same seed gives the same network."""


def _table() -> str:
    """The defaults of every data set, a line each."""
    return "\n".join(
        f"  {name:14} {d.layers} x {d.width:<5} tau {d.tau:<5.4g} {d.steps:>6} steps, "
        f"learning rate {d.learning_rate}"
        for name, d in {**DEFAULTS, "FILE.csv": CSV_DEFAULTS}.items()
    )


TRAIN_EPILOG = f"""\
data sets and what they are trained with (layers x width, votes divided by tau):
{_table()}

A CSV file names its columns in the first line and has the label, any word or number, in the last
column. Numbers become bits "above t" for up to 8 quantiles t, words one bit each, gaps (empty, ?,
NA, NaN) a bit of their own. A quarter of the rows, drawn with a fixed seed, is for testing.

Each layer needs at least half as many gates as it has inputs. Beyond 6 layers gradients fade:
difflogic advises a --grad-factor of up to 2, Petersen et al. 2024 use --init residual.

At every report the state is saved in OUT.run; the same command goes on from there."""
EXPORT = """\
Write the circuit of a trained network, simplified: constants, duplicates, inverters, wires and
gates that nobody reads are gone, the outputs are the same.

  c        C99, 64 samples per word, and a function that counts votes
  verilog  Verilog-2001, combinational, with the votes of each class
  blif     Berkeley Logic Interchange Format
  aiger    binary AIGER
  table    a text table of all inputs, for at most 20 inputs
  netlist  npz, read again by refimpl.logic.netlist.load"""
FORMATS = ("c", "verilog", "blif", "aiger", "table", "netlist")


def main(arguments: Sequence[str]) -> int:
    """Run `refimpl logic ARGUMENTS`; returns the exit status. SystemExit as argparse does."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, OSError) as error:
        print(f"refimpl logic: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    logic = argparse.ArgumentParser(
        prog="refimpl logic", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw
    )
    actions = logic.add_subparsers(title="actions", metavar="ACTION", required=True)
    add = actions.add_parser
    train_help = "train a network on a data set or a CSV file"
    export_help = "the circuit of a network: C, Verilog, BLIF, AIGER, a table, a netlist"
    _add_train(
        add("train", help=train_help, description=TRAIN, epilog=TRAIN_EPILOG, formatter_class=raw)
    )
    for name, action, text in (
        ("eval", _eval, "accuracy of the discretised network on the test set"),
        ("bench", _bench, "speed of the discretised network: samples per second on one thread"),
    ):
        part = add(name, help=text, description=f"Print the {text}.")
        part.add_argument("model", help="a file that `train` has written")
        part.add_argument(
            "--data", help="other data than it was trained on; all rows, if that is a CSV file"
        )
        part.set_defaults(run=action)
    export = add("export", help=export_help, description=EXPORT, formatter_class=raw)
    export.add_argument("model", help="a file that `train` has written")
    export.add_argument("--format", choices=FORMATS, default="c", help="default: c")
    export.add_argument("--out", type=Path, required=True, metavar="FILE")
    export.add_argument("--name", default="circuit", help="of the C functions or the module")
    export.add_argument("--keep-all", action="store_true", help="do not simplify")
    export.set_defaults(run=_export)
    return logic


def _add_train(part: argparse.ArgumentParser) -> None:
    add = part.add_argument
    add("data", help=f"{', '.join(DEFAULTS)}, or FILE.csv")
    add("--layers", type=int, help="how many layers of gates")
    add("--width", type=int, help="gates per layer; the last is rounded up to share among classes")
    add("--tau", type=float, help="votes are divided by it: larger for more gates per class")
    add("--steps", type=int, help="of the optimiser, in all")
    add("--lr", type=float, dest="learning_rate", help="of Adam")
    add("--batch", type=int, default=100, help="samples per step (100)")
    add("--weight-decay", type=float, default=0.0, help="decoupled, as in AdamW (0)")
    add(
        "--connections", choices=SCHEMES, default="random", dest="scheme",
        help="which two inputs a gate reads: drawn, every input about equally often (random, as "
        "published), without a gate that reads one input twice (random_distinct), no pair twice "
        "(unique, as published, and unique_covering, which uses every input)",
    )  # fmt: skip
    add(
        "--init", choices=("normal", "residual"), default="normal",
        help="logits of the gates: random, or such that every gate begins by passing a on",
    )  # fmt: skip
    add("--grad-factor", type=float, default=1.0, help="of gradients, per layer backwards (1)")
    add("--seed", type=int, default=0, help="of connections, logits and batches (0)")
    add("--every", type=int, default=1000, help="steps between reports and saved states (1000)")
    add("--out", type=Path, default=Path("logic.npz"), metavar="FILE", help="(logic.npz)")
    add("--restart", action="store_true", help="forget an interrupted run of this --out")
    part.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    for key, value in defaults(options.data)._asdict().items():
        if getattr(options, key) is None:
            setattr(options, key, value)
    _check(options)
    task = load_task(options.data)
    network = _network(options, task)
    state = Path(f"{options.out}.run")
    chosen = {**_comparable(options), "contents": _digest(task)}
    if state.exists() and not options.restart:
        run = load_run(state, network, chosen)
        print(f"going on at step {run.adam.steps}: {state}")
    else:
        run = start(initial_params(network, options.seed, init=options.init), options.seed)

    def report(run: Run, step: int, loss: float) -> None:
        found = accuracy(network, run.params, task.test_x, task.test_y)
        _write(f"step {step:7}  loss {loss:.4f}  hard test accuracy {100 * found:.2f} %")
        save_run(state, run, chosen)

    def shown(steps: Iterator[int]) -> Any:
        label, total = f"training {options.data}", options.steps
        return progress(steps, label, total=total, start=run.adam.steps)

    train(
        network, run, task.train_x, task.train_y, steps=options.steps, batch=options.batch,
        learning_rate=options.learning_rate, weight_decay=options.weight_decay,
        every=options.every, report=report, progress=shown,
    )  # fmt: skip
    more = {"data": np.array(options.data), "encoder": np.array(json.dumps(task.encoder))}
    save(options.out, network, run.params, curve=np.array(run.curve), **more)
    state.unlink(missing_ok=True)
    _report(network, run.params, task)
    print(f"saved {options.out}")
    return 0


def _network(options: argparse.Namespace, task: Task) -> Network:
    inputs = task.train_x.shape[1]
    if 2 * options.width < inputs:
        raise ValueError(
            f"--width: {options.width} gates read at most {2 * options.width} of "
            f"{inputs} inputs, use {-(-inputs // 2)} or more"
        )
    last = options.width + -options.width % task.classes  # the classes divide the last layer
    return build(
        inputs,
        [options.width] * (options.layers - 1) + [last],
        classes=task.classes,
        tau=options.tau,
        grad_factor=options.grad_factor,
        scheme=options.scheme,
        seed=options.seed,
    )


def _write(line: str) -> None:
    """Print a line, above the progress bar where there is one."""
    bars = sys.modules.get("tqdm")
    if bars is not None and sys.stderr.isatty():
        bars.tqdm.write(line)
    else:
        print(line, flush=True)


def _check(options: argparse.Namespace) -> None:
    """Refuse now what would fail after an hour of training."""
    for name, minimum in (("layers", 1), ("width", 1), ("every", 1), ("batch", 1), ("seed", 0)):
        whole(getattr(options, name), f"--{name}", minimum=minimum)
    non_negative(options.weight_decay, "--weight-decay")
    if not options.out.absolute().parent.is_dir() or options.out.is_dir():
        raise ValueError(f"--out: expected a file in an existing folder, got {options.out}")


def _digest(task: Task) -> int:
    """A number that other data or another encoding would change."""
    return zlib.crc32(task.train_y.tobytes(), zlib.crc32(task.train_x.tobytes()))


def _comparable(options: argparse.Namespace) -> dict[str, Any]:
    """The options that decide the numbers; more steps may be asked for later."""
    left_out = ("run", "out", "restart", "every", "steps")
    return {k: v for k, v in vars(options).items() if k not in left_out}


def _report(network: Network, params: list[np.ndarray], task: Task) -> None:
    circuit = discretise(network, params)
    simple = simplify(circuit)
    right = Engine(simple).classify(task.test_x) == task.test_y
    soft = accuracy(network, params, task.test_x, task.test_y, hard=False)
    print(f"gates                  {len(circuit)}, {len(simple)} after simplification")
    if len(task.train_x):
        fits = accuracy(network, params, as_bits(task.train_x), task.train_y)
        print(f"training accuracy      {100 * fits:.2f} %  (discretised)")
    print(f"test accuracy          {100 * right.mean():.2f} %  (discretised)")
    print(f"test accuracy, soft    {100 * soft:.2f} %")


def _loaded(options: argparse.Namespace) -> tuple[Network, list[np.ndarray], Task]:
    network, params, more = load(options.model)
    data = options.data or str(more.get("data", ""))
    if not data:
        raise ValueError(f"{options.model}: it does not say on which data; name it with --data")
    encoder = json.loads(str(more.get("encoder", "{}")))
    task = load_task(data, encoder, split=options.data is None)
    if task.classes != network.classes:
        raise ValueError(
            f"--data {data}: {task.classes} classes, the network has {network.classes}"
        )
    if task.test_x.shape[1] != network.inputs:
        raise ValueError(
            f"--data {data}: {task.test_x.shape[1]} inputs, the network has {network.inputs}"
        )
    return network, params, task


def _eval(options: argparse.Namespace) -> int:
    _report(*_loaded(options))
    return 0


def _export(options: argparse.Namespace) -> int:
    from .aiger import to_aiger
    from .export import export_text

    network, params, _ = load(options.model)
    circuit = discretise(network, params)
    if not options.keep_all:
        circuit = simplify(circuit)
    form = choose(options.format, FORMATS, "--format")
    if form == "netlist":
        circuits.save(options.out, circuit)
    elif form == "aiger":
        options.out.write_bytes(to_aiger(circuit))
    else:
        options.out.write_text(export_text(circuit, form, options.name), encoding="utf-8")
    print(f"{len(circuit)} gates, {form}: {options.out}")
    return 0


def _bench(options: argparse.Namespace) -> int:
    network, params, task = _loaded(options)
    circuit = discretise(network, params)
    begin = time.process_time()
    engine = Engine(circuit)
    prepare = time.process_time() - begin
    times = max(1, -(-65536 // max(len(task.test_x), 1)))
    bits = np.tile(task.test_x, (times, 1))
    best = max(min(_timed(engine, bits) for _ in range(10)), 1e-9)
    print(f"gates       {len(circuit)}, {len(engine.circuit)} after simplification")
    print(f"prepare     {1e3 * prepare:.1f} ms")
    print(f"samples     {len(bits)} per call, bits in, votes out; best of 10, processor time")
    print(f"speed       {len(bits) / best:,.0f} per second, {1e6 * best / len(bits):.3f} us each")
    return 0


def _timed(engine: Engine, bits: np.ndarray) -> float:
    """Seconds of the processor, so that other programs on the machine count less."""
    begin = time.process_time()
    engine.counts(bits)
    return time.process_time() - begin
