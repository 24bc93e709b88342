"""Conv, one matrix product for a few places in the kernel at a time: no im2col, little memory."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from onnx.reference.op_run import OpRun

from pyonnxtool.backends._fp64_ops import EXACT
from pyonnxtool.backends._fp64_ops._geometry import Array, last, window

_COLUMNS = 128


@EXACT.add("Conv")
class Conv(OpRun):
    """Any rank, groups and dilations."""

    def _run(
        self,
        x: Array,
        w: Array,
        b: Array | None = None,
        auto_pad: str | None = None,
        dilations: Sequence[int] | None = None,
        group: int | None = None,
        kernel_shape: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        groups = group or 1
        if x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
            raise ValueError(f"channels do not fit: x {x.shape}, w {w.shape}, group {groups}")
        place = window(x.shape[2:], w.shape[2:], strides, dilations, pads, auto_pad)
        count, made, taken = x.shape[0], w.shape[0] // groups, w.shape[1]
        points = int(np.prod(place.out))
        total = np.zeros((count, groups, made, points))
        taps = place.taps(place.padded(x, 0.0))
        # Few channels make thin matrices: put several taps side by side. Depthwise needs none.
        together = max(1, _COLUMNS // taken) if taken > 1 else 1
        while some := list(itertools.islice(taps, together)):
            seen = [view.reshape(count, groups, taken, points) for _, view in some]
            weights = [w[last(at)].reshape(groups, made, taken) for at, _ in some]
            total += product(np.concatenate(weights, 2), np.concatenate(seen, 2))
        y = total.reshape(count, groups * made, *place.out)
        return (y if b is None else y + b.reshape(-1, *[1] * place.rank),)


def product(weights: Array, seen: Array) -> Array:
    """Weights @ seen per group; a depthwise product is no work for BLAS."""
    result: Array = weights * seen if weights.shape[-1] == 1 else weights @ seen
    return result
