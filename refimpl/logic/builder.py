"""Circuits built step by step: arrays of gates are added, and give the signals to read them by."""

from __future__ import annotations

import numpy as np


class Builder:
    """Gates in order, behind so many inputs."""

    def __init__(self, inputs: int) -> None:
        self.inputs, self.count = inputs, 0
        self.parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, gates: np.ndarray | int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The signals of new gates, in the shape of a."""
        start = self.inputs + self.count
        whole = np.broadcast_to(np.asarray(gates), a.shape).ravel()
        self.parts.append((whole, a.ravel(), b.ravel()))
        self.count += a.size
        return np.arange(start, start + a.size).reshape(a.shape)

    def arrays(self) -> list[np.ndarray]:
        """Gate numbers, signals a, signals b."""
        empty = (np.zeros(0, np.int64),) * 3
        return [np.concatenate(group) for group in zip(empty, *self.parts, strict=True)]
