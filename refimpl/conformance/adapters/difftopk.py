"""PyPI's difftopk (0.2) as an implementation of the top-k networks and losses, and of its ports of
NeuralSort and SoftSort.

    refimpl check difftopk

Its splitter network needs the package torch-sparse, of which it uses one function, the product of a
sparse and a dense matrix; where that is not installed, torch's own product stands in. Its constants
are float32; for float64 inputs those of the networks are cast, and torch's default dtype is changed
for the call. What else the specification offers is reported as unsupported.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import math
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from refimpl.conformance.target import Unsupported, implements

_LAYOUTS = {"odd_even": "odd_even", "bitonic_published": "bitonic"}
_METHODS = {
    "odd_even": "odd_even",
    "bitonic_published": "bitonic__non_sparse",
    "splitter_selection": "splitter_selection",
    "neural_sort": "neuralsort",
    "soft_sort": "softsort",
}

_EMPTY = "difftopk divides by the number of samples and raises ZeroDivisionError for none"
_ONE_WEIGHT = "difftopk takes the logarithm of the number 0 for one weight with 'smce': TypeError"
_K1 = "difftopk's gradient of log e_0, which is 0, is that of a series: wrong for every n if k = 1"
_FIRST_ONLY = "difftopk's backward pass resizes a tensor and raises in second derivatives"
_HARD_AXIS = "difftopk lets every input pick a position: not a permutation"
_NAN = "difftopk differentiates |d|^p at d = 0, an input at its own position: infinity or NaN"


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = [name for name in ("torch", "difftopk") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} not installed: pip install difftopk" if absent else None


def _library() -> Any:
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that torch-sparse is missing
        library = importlib.import_module("difftopk")
    functional: Any = importlib.import_module("difftopk.functional")
    if not functional.SPARSE_INSTALLED:
        functional.torch_sparse = SimpleNamespace(spmm=_sparse_times_dense)
        functional.SPARSE_INSTALLED = True
    return library


def _sparse_times_dense(index: Any, value: Any, m: int, n: int, dense: Any) -> Any:
    """torch_sparse.spmm: sum over entries e of value[e] dense[index[1, e]] into row index[0, e]."""
    import torch

    entries = value[:, None] * dense[index[1]]
    return torch.zeros(m, dense.shape[1], dtype=entries.dtype).index_add(0, index[0], entries)


@contextlib.contextmanager
def _computing_in(dtype: Any) -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # layouts are announced
            yield
    finally:
        torch.set_default_dtype(before)


def _cast(network: Any, dtype: Any) -> None:
    network.sorting_network = [
        tuple(m.to(dtype) if m.is_floating_point() or m.is_sparse else m for m in layer)
        for layer in network.sorting_network
    ]


@implements("sorting.topk_permutation", framework="torch", expected_failures={"batch0": _EMPTY})
def topk_permutation(
    x: Any,
    *,
    k: int,
    network: Any = "splitter_selection",
    distribution: str = "cauchy",
    steepness: float = 10.0,
    art_lambda: float = 0.25,
    units: str = "published",
) -> Any:
    """DiffTopkNet on the rows of `x`, which are flattened to a matrix and back."""
    library, n = _library(), x.shape[-1]
    sparse = network == "splitter_selection"
    if not sparse and network not in _LAYOUTS:
        raise Unsupported(f"network={network!r}: difftopk has {', '.join(_LAYOUTS)} and splitters")
    if units != "published":
        raise Unsupported(f"units={units!r}: difftopk's steepness is not normalised")
    if n == 1:
        raise Unsupported("n = 1: difftopk builds a network without layers")
    options = {"steepness": steepness, "art_lambda": art_lambda, "distribution": distribution}
    with _computing_in(x.dtype):
        select = library.DiffTopkNet(_LAYOUTS.get(network, network), n, k, sparse=sparse, **options)
        _cast(select, x.dtype)
        P = select(x.reshape(-1, n))[1]
    return P.reshape(*x.shape, k)


@implements(
    "sorting.topk_cross_entropy", framework="torch", expected_failures={"*-top1-smce": _ONE_WEIGHT}
)
def topk_cross_entropy(
    scores: Any,
    labels: Any,
    *,
    weights: Sequence[float],
    method: str = "splitter_selection",
    steepness: float = 1.0,
    distribution: str = "cauchy",
    art_lambda: float = 0.25,
    candidates: int | None = None,
    top1: str = "sm",
) -> Any:
    """TopKCrossEntropyLoss on the rows of `scores`."""
    library, n = _library(), scores.shape[-1]
    if method not in _METHODS:
        raise Unsupported(f"method={method!r}: difftopk has {', '.join(_METHODS)}")
    if labels.ndim == scores.ndim:
        raise Unsupported("several true classes: difftopk has one label for each sample")
    if n == 1:
        raise Unsupported("n = 1: difftopk builds a network without layers")
    if candidates is not None and not len(weights) < candidates < n:
        raise Unsupported("k or n candidates: difftopk needs more than k and fewer than n")
    with _computing_in(scores.dtype):
        loss = library.TopKCrossEntropyLoss(
            _METHODS[method],
            steepness,
            list(weights),
            n,
            m=candidates,
            distribution=distribution,
            art_lambda=art_lambda,
            top1_mode=top1,
        )
        if hasattr(loss, "top_k_net"):
            _cast(loss.top_k_net, scores.dtype)
        elif method == "neural_sort":
            _require_float32(scores)
        return loss(scores.reshape(-1, n), labels.reshape(-1))


def _require_float32(x: Any) -> None:
    import torch

    if x.dtype != torch.float32:
        raise Unsupported("NeuralSort in float64: difftopk's constants are float32")


@implements(
    "sorting.smooth_topk_loss",
    framework="torch",
    expected_failures={
        "*-k1-*:vjp": _K1,
        "*-k1-*:jvp": _K1,
        "*:second_order": _FIRST_ONLY,
    },
)
def smooth_topk_loss(
    scores: Any, labels: Any, *, k: int, tau: float = 1.0, margin: float = 1.0, hard: bool = False
) -> Any:
    """SmoothTopKLoss or SmoothHardTopKLoss; they divide their argument in place: a copy."""
    library, n = _library(), scores.shape[-1]
    if margin != 1.0:
        raise Unsupported(f"margin={margin}: difftopk's is 1")
    if k + max(1, math.floor(1 + 0.2 * k)) - 1 > n - 1:
        raise Unsupported("k close to n: difftopk needs coefficients beyond the k-th")
    loss = library.SmoothHardTopKLoss if hard else library.SmoothTopKLoss
    return loss(n, k, tau)(scores.reshape(-1, n) + 0.0, labels.reshape(-1))


@implements("sorting.neural_sort", framework="torch")
def neural_sort(x: Any, *, temperature: float = 1.0, descending: bool = False) -> Any:
    """NeuralSort on the rows of `x`."""
    return _neural_sort(x, temperature, descending, hard=False)


@implements(
    "sorting.neural_sort_hard",
    framework="torch",
    expected_failures={f"*:{check}": _HARD_AXIS for check in ("values", "permutation", "sorts")},
)
def neural_sort_hard(x: Any, *, temperature: float = 1.0, descending: bool = False) -> Any:
    """NeuralSort(hard=True) on the rows of `x`."""
    return _neural_sort(x, temperature, descending, hard=True)


def _neural_sort(x: Any, temperature: float, descending: bool, hard: bool) -> Any:
    _require_float32(x)
    n = x.shape[-1]
    P = _library().NeuralSort(tau=temperature, hard=hard)(x.reshape(-1, n)).reshape(*x.shape, n)
    return P.flip(-1) if descending else P


@implements(
    "sorting.soft_sort",
    framework="torch",
    expected_failures={
        "power0.5*:vjp": _NAN,
        "power0.5*:jvp": _NAN,
        "power0.5*:second_order": _NAN,
        "power1.5*:second_order": _NAN,
    },
)
def soft_sort(
    x: Any, *, temperature: float = 1.0, power: float = 1.0, descending: bool = False
) -> Any:
    """SoftSort on the rows of `x`; its rows are positions in descending order."""
    return _soft_sort(x, temperature, power, descending, hard=False)


@implements("sorting.soft_sort_hard", framework="torch")
def soft_sort_hard(
    x: Any, *, temperature: float = 1.0, power: float = 1.0, descending: bool = False
) -> Any:
    """SoftSort(hard=True) on the rows of `x`."""
    return _soft_sort(x, temperature, power, descending, hard=True)


def _soft_sort(x: Any, temperature: float, power: float, descending: bool, hard: bool) -> Any:
    n = x.shape[-1]
    sort = _library().SoftSort(tau=temperature, hard=hard, pow=power)
    P = sort(x.reshape(-1, n)).transpose(-1, -2).reshape(*x.shape, n)
    return P if descending else P.flip(-1)
