"""DeformConv: the input sampled where the offsets point, then a matrix product per tap."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from onnx.reference.op_run import OpRun

from pyonnxtool.backends._fp64_ops import EXACT
from pyonnxtool.backends._fp64_ops._geometry import Array, last, window
from pyonnxtool.backends._fp64_ops.conv import product
from pyonnxtool.backends._fp64_ops.grid_sample import sample


@EXACT.add("DeformConv")
class DeformConv(OpRun):
    """Any rank, groups, offset groups, with or without a mask."""

    def _run(
        self,
        x: Array,
        w: Array,
        offset: Array,
        b: Array | None = None,
        mask: Array | None = None,
        dilations: Sequence[int] | None = None,
        group: int | None = None,
        kernel_shape: Sequence[int] | None = None,
        offset_group: int | None = None,
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        groups, parts = group or 1, offset_group or 1
        place = window(x.shape[2:], w.shape[2:], strides, dilations, pads, "NOTSET")
        rank, count, out, kernel = place.rank, x.shape[0], place.out, place.kernel
        made, taken = w.shape[0] // groups, w.shape[1]
        moved = offset.reshape(count, parts, *kernel, rank, *out)
        kept = np.ones((1, 1)) if mask is None else mask.reshape(count, parts, *kernel, *out)
        corners = [np.arange(out[i]) * place.strides[i] - place.heads[i] for i in range(rank)]
        grid = np.meshgrid(*corners, indexing="ij")
        total = np.zeros((count, groups, made, int(np.prod(out))))
        each = x.shape[1] // parts
        for at in itertools.product(*map(range, kernel)):
            seen = np.empty((count, x.shape[1], *out))
            for image, part in itertools.product(range(count), range(parts)):
                shift = moved[(image, part, *at)]
                places = [grid[i] + at[i] * place.dilations[i] + shift[i] for i in range(rank)]
                channels = slice(part * each, (part + 1) * each)
                found = sample(x[image, channels], places, "linear", "zeros")
                seen[image, channels] = found if mask is None else found * kept[(image, part, *at)]
            weights = w[last(at)].reshape(groups, made, taken)
            total += product(weights, seen.reshape(count, groups, taken, -1))
        y = total.reshape(count, groups * made, *out)
        return (y if b is None else y + b.reshape(-1, *[1] * rank),)
