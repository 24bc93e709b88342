"""ConvTranspose: what each place in the kernel spreads over the output, added up."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from onnx.reference.op_run import OpRun

from pyonnxtool.backends._fp64_ops import EXACT
from pyonnxtool.backends._fp64_ops._geometry import Array, last
from pyonnxtool.backends._fp64_ops.conv import product


@EXACT.add("ConvTranspose")
class ConvTranspose(OpRun):
    """Any rank, groups and dilations; the reference mixes up channels of groups."""

    def _run(
        self,
        x: Array,
        w: Array,
        b: Array | None = None,
        auto_pad: str | None = None,
        dilations: Sequence[int] | None = None,
        group: int | None = None,
        kernel_shape: Sequence[int] | None = None,
        output_padding: Sequence[int] | None = None,
        output_shape: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        rank, groups = x.ndim - 2, group or 1
        steps, spread = strides or [1] * rank, dilations or [1] * rank
        more = output_padding or [0] * rank
        sizes, kernel = x.shape[2:], w.shape[2:]
        full = [
            (sizes[i] - 1) * steps[i] + (kernel[i] - 1) * spread[i] + 1 + more[i]
            for i in range(rank)
        ]
        wanted = list(output_shape)[-rank:] if output_shape else None
        if wanted is None and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            wanted = [sizes[i] * steps[i] for i in range(rank)]
        heads, out = _cropped(full, wanted, pads, auto_pad)
        count, taken, made = x.shape[0], w.shape[0] // groups, w.shape[1]
        seen = x.reshape(count, groups, taken, -1)
        weights = np.moveaxis(w.reshape(groups, taken, made, *kernel), 1, 2)
        # Room for an output that is wanted larger than what the kernel reaches.
        room = [max(full[i], heads[i] + out[i]) for i in range(rank)]
        total = np.zeros((count, groups, made, *room))
        for at in itertools.product(*map(range, kernel)):
            cut = []
            for i in range(rank):
                start = at[i] * spread[i]
                cut.append(slice(start, start + (sizes[i] - 1) * steps[i] + 1, steps[i]))
            spreading = product(weights[last(at)], seen)
            total[last(cut)] += spreading.reshape(count, groups, made, *sizes)
        kept = [slice(heads[i], heads[i] + out[i]) for i in range(rank)]
        y = total.reshape(count, groups * made, *room)[last(kept)]
        return (y if b is None else y + b.reshape(-1, *[1] * rank),)


def _cropped(
    full: Sequence[int],
    wanted: Sequence[int] | None,
    pads: Sequence[int] | None,
    auto_pad: str | None,
) -> tuple[list[int], list[int]]:
    """How much is cut off before, and the size that stays. A wanted size overrides `pads`."""
    rank = len(full)
    if wanted is None:
        cut = pads or [0] * (2 * rank)
        return list(cut[:rank]), [full[i] - cut[i] - cut[i + rank] for i in range(rank)]
    totals = [max(full[i] - wanted[i], 0) for i in range(rank)]
    upper = auto_pad == "SAME_UPPER"
    return [total // 2 if upper else total - total // 2 for total in totals], list(wanted)
