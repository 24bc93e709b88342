"""GridSample, all points at once."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from pyonnxtool.backends._fp64_ops import EXACT
from pyonnxtool.backends._fp64_ops._geometry import Array

_MODES = {"bilinear": "linear", "bicubic": "cubic"}
_SHARPNESS = -0.75


@EXACT.add("GridSample")
class GridSample(OpRun):
    """Any number of spatial dimensions; coordinates in the grid come last dimension first."""

    def _run(
        self,
        x: Array,
        grid: Array,
        align_corners: int | None = None,
        mode: str | None = None,
        padding_mode: str | None = None,
    ) -> tuple[Array]:
        kind = _MODES.get(mode or "linear", mode or "linear")
        sizes = x.shape[2:]
        y = np.empty((*x.shape[:2], *grid.shape[1:-1]))
        for image in range(x.shape[0]):
            places = []
            for axis, size in enumerate(sizes):
                at = grid[image, ..., len(sizes) - 1 - axis]
                places.append((at + 1) / 2 * (size - 1) if align_corners else _scaled(at, size))
            y[image] = sample(x[image], places, kind, padding_mode or "zeros", bool(align_corners))
        return (y,)


def sample(
    x: Array, places: list[Array], mode: str, padding: str, align_corners: bool = True
) -> Array:
    """`x` (C, *sizes) at fractional `places`, one array of coordinates per dimension."""
    borders = [(0.0, size - 1.0) if align_corners else (-0.5, size - 0.5) for size in x.shape[1:]]
    if mode == "nearest":
        places = [np.rint(at) for at in places]
    if padding == "border":
        places = [np.clip(at, 0, size - 1) for at, size in zip(places, x.shape[1:], strict=True)]
    if padding == "reflection":
        places = [_reflected(at, *border) for at, border in zip(places, borders, strict=True)]
    starts = [np.floor(at).astype(np.int64) for at in places]
    weights = [_weights(at - np.floor(at), mode) for at in places]
    total = np.zeros((x.shape[0], *places[0].shape))
    for taps in itertools.product(*weights):
        weight: Array = np.ones(places[0].shape)
        cells: list[Any] = [slice(None)]
        for axis, (step, share) in enumerate(taps):
            cell, inside = _cell(starts[axis] + step, x.shape[1 + axis], padding, borders[axis])
            cells.append(cell)
            weight = weight * share * inside
        total += weight * x[tuple(cells)]
    return total


def _scaled(at: Array, size: int) -> Array:
    """-1 and 1 are the outer edges of the first and last cells."""
    scaled: Array = ((at + 1) * size - 1) / 2
    return scaled


def _weights(fraction: Array, mode: str) -> list[tuple[int, Array]]:
    """Neighbours by their distance from the cell below, and how much each counts."""
    if mode == "nearest":
        return [(0, np.ones_like(fraction))]
    if mode == "linear":
        return [(0, 1 - fraction), (1, fraction)]
    return [(step, _cubic(np.abs(fraction - step))) for step in (-1, 0, 1, 2)]


def _cubic(distance: Array) -> Array:
    a = _SHARPNESS
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, far)


def _cell(
    index: Array, size: int, padding: str, border: tuple[float, float]
) -> tuple[Array, Array]:
    """A cell that exists, and 1 where it counts."""
    if padding == "zeros":
        inside = (index >= 0) & (index < size)
        return np.where(inside, index, 0), inside
    if padding == "reflection":
        index = _reflected(index, *border).astype(np.int64)
    return np.clip(index, 0, size - 1), np.ones(index.shape, bool)


def _reflected(at: Array, low: float, high: float) -> Array:
    """Folded back at the borders until it lies between them."""
    span = high - low
    if span <= 0:
        return np.full(at.shape, low)
    folded = np.mod(at - low, 2 * span)
    return low + np.where(folded > span, 2 * span - folded, folded)
