"""Elements of arrays and lists in a relaxed program; a part of `runtime.Runtime`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import autograd as ag
from .calls import rows_of
from .indexing import index_weights, put_soft, take_soft
from .select import is_value


class Elements:
    """Reading and writing at exact and relaxed positions; lists are copied, not changed."""

    batch: int
    beta_index: float
    options: Any
    fail: Callable[[int, str], TypeError]
    batched: Callable[[Any], Any]
    room_for: Callable[[Any, Any, Any], Any]
    _merged: Callable[..., Any]

    def read(self, line: int, x: Any, index: Any) -> Any:
        if not ag.is_array(x):
            return self._read_list(line, x, index)
        try:
            return take_soft(self.batched(x), index, batch_axes=self.batch, **self._kernel())
        except (IndexError, ValueError) as error:
            raise self.fail(line, f"reading an element: {error}") from error

    def _read_list(self, line: int, x: Any, index: Any) -> Any:
        if not is_relaxed(index):
            return x[index]
        weights = self._list_weights(line, x, index)
        return sum(w * element for w, element in zip(weights, x, strict=True))

    def write(self, line: int, x: Any, index: Any, value: Any) -> Any:
        if not ag.is_array(x):
            return self._write_list(line, x, index, value)
        try:
            return put_soft(
                self.room_for(x, index, value),
                index,
                value,
                batch_axes=self.batch,
                **self._kernel(),
            )
        except (IndexError, ValueError) as error:
            raise self.fail(line, f"writing an element: {error}") from error

    def _write_list(self, line: int, x: Any, index: Any, value: Any) -> Any:
        if isinstance(x, dict) and not is_relaxed(index):
            return {**x, index: value}
        if not isinstance(x, list):
            raise self.fail(line, f"writing into {type(x).__name__}: use a list or an array")
        if not is_relaxed(index):
            new = list(x)
            new[index] = value
            return new
        weights = self._list_weights(line, x, index)
        pairs = zip(weights, x, strict=True)
        return [self._merged(line, w, value, element, "element") for w, element in pairs]

    def _list_weights(self, line: int, x: Any, index: Any) -> list:
        if not isinstance(x, (list, tuple)) or not all(map(is_value, x)):
            raise self.fail(line, "a relaxed index needs an array or a list of numbers")
        return ag.unstack(index_weights(index, len(x), **self._kernel()), axis=-1)

    def _kernel(self) -> dict[str, Any]:
        return {"beta": self.beta_index, "distribution": self.options.distribution}

    def appended(self, line: int, x: Any, value: Any) -> Any:
        if not isinstance(x, list):
            raise self.fail(line, f"append to {type(x).__name__}: use a list")
        return [*x, value]

    def unpack(self, line: int, value: Any, count: int) -> tuple:
        found = tuple(rows_of(value, self.batch)) if ag.is_array(value) else tuple(value)
        if len(found) != count:
            raise self.fail(line, f"{len(found)} values for {count} names")
        return found


def is_relaxed(x: Any) -> bool:
    """Whether a value, or a part of an index, is an array."""
    if isinstance(x, tuple):
        return any(map(is_relaxed, x))
    return ag.is_array(x)
