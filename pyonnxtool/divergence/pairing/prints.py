"""Short descriptions of values, by which equal ones are found without keeping them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyonnxtool.divergence.compare import Array, dtype_of
from pyonnxtool.verdict import EPS

_SAMPLED = 1024
_NEAR = 1e-4
_FEW = 16
_COARSE = 64
"""Spacings of a dtype that two evaluations of a part of a network may be apart."""


@dataclass(frozen=True)
class Print:
    """Shape, kind and some elements of a value."""

    shape: tuple[int, ...]
    kind: str
    """"f" for floats, "i" for integers, "b" for truth values."""
    elements: NDArray[Any]
    """Of a large value, so many at equal distances."""
    norm: float
    nbytes: int
    eps: float

    @property
    def telling(self) -> bool:
        """False for what is the same everywhere: many values are all zero."""
        return bool(self.elements.size) and bool(np.ptp(self.elements) > 0)

    def like(self, other: Print) -> bool:
        """Equal but for what rounding on the way to it may do."""
        if self.shape != other.shape or self.kind != other.kind:
            return False
        if self.kind != "f":
            return bool(np.array_equal(self.elements, other.elements)) and self.norm == other.norm
        ours, theirs = self.elements, other.elements
        finite = np.isfinite(ours)
        if not np.array_equal(finite, np.isfinite(theirs)):
            return False
        if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
            return False
        scale = max(np.abs(ours[finite]).max(initial=0.0), abs(self.norm))
        allowed = max(_NEAR, _COARSE * max(self.eps, other.eps)) * scale
        apart = np.abs(ours[finite] - theirs[finite]).max(initial=0.0)
        return bool(apart <= allowed and abs(self.norm - other.norm) <= allowed)


def print_of(array: Array) -> Print | None:
    """None for text, which is never paired by content."""
    if array.dtype.kind in "OUS":
        return None
    dtype = dtype_of(array)
    kind = "f" if dtype in EPS else "b" if array.dtype == np.bool_ else "i"
    flat = array.reshape(-1)
    step = max(1, flat.size // _SAMPLED)
    elements = flat[::step].astype(np.float64 if kind == "f" else np.int64)
    return Print(array.shape, kind, elements, _norm(flat, kind), array.nbytes, EPS.get(dtype, 0.0))


def _norm(flat: Array, kind: str) -> float:
    """Root mean square of the finite elements; for integers their sum."""
    if not flat.size:
        return 0.0
    if kind != "f":
        return float(np.sum(flat, dtype=np.float64))
    total, count = 0.0, 0
    for start in range(0, flat.size, 1 << 20):
        piece = flat[start : start + (1 << 20)].astype(np.float64)
        piece = piece[np.isfinite(piece)]
        total += float(piece @ piece)
        count += piece.size
    return float(np.sqrt(total / count)) if count else 0.0


class Index:
    """Prints by shape, to look up the ones that are like another on every sample."""

    def __init__(self, prints: dict[str, list[Print]]) -> None:
        self._prints = prints
        self._by_shape: dict[tuple[tuple[int, ...], str], list[str]] = {}
        for name, found in prints.items():
            self._by_shape.setdefault((found[0].shape, found[0].kind), []).append(name)

    def like(self, prints: list[Print]) -> list[str]:
        """Names in the order in which they were given."""
        same_shape = self._by_shape.get((prints[0].shape, prints[0].kind), [])
        return [name for name in same_shape if alike(prints, self._prints[name])]

    def shaped_like(self, prints: list[Print]) -> list[str]:
        """Names of the values of that shape and kind, whatever their content."""
        return list(self._by_shape.get((prints[0].shape, prints[0].kind), []))

    def sized_like(self, prints: list[Print]) -> list[str]:
        """Names of the values with as many elements of that kind, whatever their shape."""
        size = math.prod(prints[0].shape)
        return [
            name
            for (shape, kind), names in self._by_shape.items()
            if kind == prints[0].kind and math.prod(shape) == size
            for name in names
        ]

    def __contains__(self, name: object) -> bool:
        return name in self._prints

    def __getitem__(self, name: str) -> list[Print]:
        return self._prints[name]


def alike(ours: list[Print], theirs: list[Print]) -> bool:
    """Like each other on every sample."""
    return len(ours) == len(theirs) and all(a.like(b) for a, b in zip(ours, theirs, strict=True))


def distance(ours: list[Print], theirs: list[Print]) -> float:
    """How far two that are alike are apart, in units of what rounding in one operator does."""
    worst = 0.0
    for a, b in zip(ours, theirs, strict=True):
        finite = np.isfinite(a.elements)
        scale = np.abs(a.elements[finite]).max(initial=0.0) * max(a.eps, b.eps) * _FEW
        apart = np.abs(a.elements[finite] - b.elements[finite]).max(initial=0.0)
        worst = max(worst, float(apart / scale) if scale else float(apart))
    return worst


def is_reshaped(ours: Print, theirs: Print) -> bool:
    """The same elements in the same order under another shape."""
    return ours.shape != theirs.shape and replace(ours, shape=theirs.shape).like(theirs)
