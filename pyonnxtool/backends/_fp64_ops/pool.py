"""MaxPool, AveragePool and LpPool over all windows at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from pyonnxtool.backends._fp64_ops import EXACT
from pyonnxtool.backends._fp64_ops._geometry import Array, Window, last, window


@EXACT.add("MaxPool")
class MaxPool(OpRun):
    """Padding never wins; the first of equal elements gives the index."""

    def _run(
        self,
        x: Array,
        auto_pad: str | None = None,
        ceil_mode: int | None = None,
        dilations: Sequence[int] | None = None,
        kernel_shape: Sequence[int] = (),
        pads: Sequence[int] | None = None,
        storage_order: int | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array, ...]:
        place = window(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
        lowest: Any = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        best: Array | None = None
        if len(self.output) < 2:
            for _, view in place.taps(place.padded(x, lowest)):
                best = view.copy() if best is None else np.maximum(best, view, out=best)
            return (np.asarray(best),)
        order = "F" if storage_order else "C"
        numbers = np.arange(x[0, 0].size).reshape(x.shape[2:], order=order)  # type: ignore[call-overload]
        planes = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *[1] * place.rank)
        indices = place.padded(planes * numbers.size + numbers, -1)
        chosen: Array | None = None
        values = place.taps(place.padded(x, lowest))
        for (_, view), (_, index) in zip(values, place.taps(indices), strict=True):
            if best is None or chosen is None:
                best, chosen = view.copy(), index.copy()
                continue
            better = (view > best) | ((chosen < 0) & (index >= 0))
            best, chosen = np.where(better, view, best), np.where(better, index, chosen)
        return np.asarray(best), np.asarray(chosen)


@EXACT.add("AveragePool")
class AveragePool(OpRun):
    """What lies beyond the padding (ceil_mode) is never counted."""

    def _run(
        self,
        x: Array,
        auto_pad: str | None = None,
        ceil_mode: int | None = None,
        count_include_pad: int | None = None,
        dilations: Sequence[int] | None = None,
        kernel_shape: Sequence[int] = (),
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        place = window(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
        total = _summed(place, place.padded(x, 0.0))
        ones = np.ones((1, 1, *place.sizes))
        if count_include_pad:
            around = zip(place.heads, place.tails, strict=True)
            ones = np.pad(ones, [(0, 0), (0, 0), *around], constant_values=1.0)
        return (total / _summed(place, _reaching(place, ones)),)


@EXACT.add("LpPool")
class LpPool(OpRun):
    """The p-norm of each window."""

    def _run(
        self,
        x: Array,
        auto_pad: str | None = None,
        ceil_mode: int | None = None,
        dilations: Sequence[int] | None = None,
        kernel_shape: Sequence[int] = (),
        p: int | None = None,
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        place = window(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
        power = p or 2
        padded = np.abs(place.padded(x, 0.0)) ** power
        return (_summed(place, padded) ** (1.0 / power),)


def _summed(place: Window, padded: Array) -> Array:
    total: Array = np.zeros((*padded.shape[:2], *place.out))
    for _, view in place.taps(padded):
        total += view
    return total


def _reaching(place: Window, ones: Array) -> Array:
    """`ones`, already padded or not, with zeros as far as the last window reaches."""
    target = place.padded(np.zeros((1, 1, *place.sizes)), 0.0)
    padded_already = ones.shape[2:] != place.sizes
    start = [0 if padded_already else head for head in place.heads]
    cut = [slice(at, at + size) for at, size in zip(start, ones.shape[2:], strict=True)]
    fitting = [
        slice(0, min(size, room - at))
        for at, size, room in zip(start, ones.shape[2:], target.shape[2:], strict=True)
    ]
    target[last(cut)] = ones[last(fitting)]
    return target
