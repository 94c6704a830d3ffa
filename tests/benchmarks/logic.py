"""Logic gate networks beside PyPI difflogic, on one thread: training steps and inference.

A training step is forward, backward and Adam of six layers of 8000 gates at batch 100; difflogic's
is its Python implementation on torch. Inference is bits in, votes out, 16384 samples, packing and
counting included. Its network is the model that REFIMPL_LOGIC_MODEL names (a file of `refimpl logic
train`, or several, joined as in PATH), else one of random gates. difflogic's engine is the C that
it generates and compiles with gcc -O1 -march=native, its default, which takes minutes for such a
network; above 50000 gates with -O0, as its own experiments do. The library is made once, in the
file that REFIMPL_LOGIC_LIBRARY names (as many as there are models), and left out where that is not
set.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import itertools
import os
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refimpl.logic import network as nets
from refimpl.logic.discretise import discretise
from refimpl.logic.inference import Engine
from refimpl.logic.netlist import Netlist
from refimpl.logic.training import AdamState, adam_step, loss_and_gradients

from .measure import interleaved, rows
from .measure import table as times

INPUTS, WIDTHS, CLASSES, BATCH, SAMPLES = 784, [8000] * 6, 10, 100, 16384


def _difflogic() -> Any:
    """The library; its compiled CUDA part, which it imports in any case, may be missing."""
    if "difflogic_cuda" not in sys.modules and not importlib.util.find_spec("difflogic_cuda"):
        sys.modules["difflogic_cuda"] = types.ModuleType("difflogic_cuda")
    import difflogic
    import torch

    torch.set_num_threads(1)
    return difflogic


def _batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((BATCH, INPUTS), dtype=np.float32), rng.integers(0, CLASSES, BATCH)


def _step() -> Callable[[], Any]:
    network = nets.build(INPUTS, WIDTHS, classes=CLASSES, tau=10.0)
    params = nets.initial_params(network)
    state, (x, labels) = AdamState.zeros(params), _batch()

    def step() -> None:
        _, grads = loss_and_gradients(network, params, x, labels)
        adam_step(params, grads, state, 0.01)

    return step


def _difflogic_model(wirings: Any, tau: float) -> Any:
    import torch

    difflogic = _difflogic()
    layers = []
    n = INPUTS
    for wiring in wirings:
        layer = difflogic.LogicLayer(n, wiring.shape[1], device="cpu", implementation="python")
        layer.indices = tuple(torch.tensor(side) for side in wiring)
        layers.append(layer)
        n = wiring.shape[1]
    return torch.nn.Sequential(*layers, difflogic.GroupSum(CLASSES, tau))


def _difflogic_step() -> Callable[[], Any]:
    import torch

    network = nets.build(INPUTS, WIDTHS, classes=CLASSES, tau=10.0)
    model = _difflogic_model([w.arrays for w in network.wirings], 10.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    x, labels = map(torch.tensor, _batch())

    def step() -> None:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints two lines per layer
            loss = torch.nn.functional.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


class Contest(NamedTuple):
    """A network, its circuit, and difflogic's library of it, if there is to be one."""

    name: str
    network: nets.Network
    params: list[np.ndarray]
    circuit: Netlist
    library: str

    @property
    def level(self) -> int:
        """How far difflogic's experiments let gcc optimise a network of this size."""
        return 1 if len(self.circuit) < 50000 else 0


def _contests() -> list[Contest]:
    """The models that the environment names, or one of random gates."""
    models = [m for m in os.environ.get("REFIMPL_LOGIC_MODEL", "").split(os.pathsep) if m]
    libraries = os.environ.get("REFIMPL_LOGIC_LIBRARY", "").split(os.pathsep)
    found = []
    for model, library in itertools.zip_longest(models, libraries, fillvalue=""):
        if model:
            network, params, _ = nets.load(model)
            found.append(Contest("trained", network, params, discretise(network, params), library))
    if not found:
        network = nets.build(INPUTS, WIDTHS, classes=CLASSES)
        params = nets.initial_params(network)
        circuit = discretise(network, params)
        found.append(Contest("random gates", network, params, circuit, libraries[0]))
    return found


def _bits(circuit: Netlist) -> np.ndarray:
    return np.random.default_rng(0).random((SAMPLES, circuit.inputs)) < 0.2


def _compiled(contest: Contest, bits: np.ndarray) -> Callable[[], Any] | None:
    """difflogic's compiled network, from a library that is made once."""
    library, network = contest.library, contest.network
    if not library or shutil.which("gcc") is None or missing():
        return None
    import torch

    difflogic = _difflogic()
    if not Path(library).exists():
        sequence = _difflogic_model([w.arrays for w in network.wirings], network.tau)
        with torch.no_grad():
            for layer, weights in zip(sequence, contest.params, strict=False):
                layer.weights[:] = torch.tensor(weights)
        made = difflogic.CompiledLogicNet(sequence, num_bits=64)
        made.compile(opt_level=contest.level, save_lib_path=library)
    loaded = difflogic.CompiledLogicNet.load(library, CLASSES, 64)
    if not np.array_equal(np.asarray(loaded(bits)), Engine(contest.circuit).counts(bits)):
        raise ValueError(f"{library} was made of another network")
    return lambda: loaded(bits)


def _inference(contest: Contest, repeats: int) -> list[dict[str, Any]]:
    engine, bits = Engine(contest.circuit), _bits(contest.circuit)
    runs: dict[str, Callable[[], Any]] = {"refimpl": lambda: engine.counts(bits)}
    peer = f"difflogic, gcc -O{contest.level}"
    compiled = _compiled(contest, bits)
    if compiled:
        runs[peer] = compiled
    work = f"{SAMPLES} samples, {contest.name}, {len(contest.circuit)} gates"
    found = rows(
        work, interleaved(runs, repeats), targets={peer: 1 / (1.5 if contest.level else 5)}
    )
    return [{**row, "samples_per_s": round(SAMPLES / row["best_ms"] * 1e3)} for row in found]


def run(repeats: int = 10) -> list[dict[str, Any]]:
    """Rows of the tables; difflogic is left out where it is not installed."""
    steps: dict[str, Callable[[], Any]] = {"refimpl": _step()}
    if not missing():
        steps["difflogic, python"] = _difflogic_step()
    targets = {"difflogic, python": 0.5}
    results = rows("training step 6x8000", interleaved(steps, min(repeats, 8)), targets=targets)
    for contest in _contests():
        results += _inference(contest, repeats)
    return results


def table(results: list[dict[str, Any]]) -> str:
    """The times, then samples per second."""
    rates = [
        f"{row['workload']:44} {row['engine']:24} {row['samples_per_s']:>12,} samples/s"
        for row in results
        if "samples_per_s" in row
    ]
    return "\n".join([times(results), "", *rates])


def missing() -> list[str]:
    """Peers that are not installed here."""
    needed = ("difflogic", "torch")
    return [] if all(importlib.util.find_spec(name) for name in needed) else ["difflogic"]
