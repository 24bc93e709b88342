"""Pools of torch that make a given number of bins, however large the image is.

Bin i of n covers the pixels from floor(i * size / n) to ceil((i + 1) * size / n), that one left out
(https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics._aten import aten

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class _Bins:
    """Along an axis: [n, k] pixels of each of n bins, which of them count, and how many do."""

    pixels: str
    inside: str
    counts: str


def _bins(tape: Tape, sizes: Sizes, size: Size, count: int) -> _Bins:
    return _known(tape, size, count) if isinstance(size, int) else _open(tape, sizes, size, count)


def _known(tape: Tape, size: int, count: int) -> _Bins:
    first = np.arange(count) * size // count
    last = -(-(np.arange(count) + 1) * size // count)
    pixels = first[:, None] + np.arange((last - first).max(initial=0))
    held = np.minimum(pixels, max(size - 1, 0))
    inside, counts = pixels < last[:, None], (last - first)[:, None]
    return _Bins(tape.const(held), tape.const(inside), tape.const(counts))


def _open(tape: Tape, sizes: Sizes, size: str, count: int) -> _Bins:
    steps = np.arange(count + 1, dtype=np.int64)[:, None]
    n = tape.ints([count])
    first = tape.op("Div", tape.op("Mul", tape.const(steps[:-1]), size), n)
    reach = tape.op("Add", tape.op("Mul", tape.const(steps[1:]), size), tape.ints([count - 1]))
    last = tape.op("Div", reach, n)
    width = tape.op("Add", tape.op("Div", size, n), tape.ints([2]))
    run = tape.op("Add", first, sizes.iota(width))
    held = tape.op("Min", run, tape.op("Sub", size, tape.ints([1])))
    return _Bins(held, tape.op("Less", run, last), tape.op("Sub", last, first))


def _fit(node: NodeView, image: Operand, bins: Sequence[int]) -> list[int] | Refusal:
    """The axes that are pooled."""
    rank = image.rank
    if rank is None:
        return node.refuse_dynamic("its rank")
    if rank <= len(bins) or any(one <= 0 for one in bins):
        return node.refuse(f"it makes {list(bins)} bins of a tensor of rank {rank}")
    if image.dtype is None:
        return node.refuse_dynamic("the type of its input")
    return list(range(rank - len(bins), rank))


def _along(axis: int, rank: int) -> list[int]:
    """Axes of one of this rank that bins of an axis and the one behind it do not have."""
    return [one for one in range(rank) if one not in (axis, axis + 1)]


@aten(
    "adaptive_avg_pool1d|adaptive_avg_pool2d|adaptive_avg_pool3d"
    "|_adaptive_avg_pool2d|_adaptive_avg_pool3d",
    "Tensor self, int[] output_size",
)
def adaptive_avg_pool(
    node: NodeView, tape: Tape, self: Operand, output_size: Sequence[int]
) -> Decision:
    """ReduceMean of the pixels of each bin; AveragePool where all bins are alike."""
    axes = _fit(node, self, output_size)
    if isinstance(axes, Refusal):
        return axes
    if all(one == 1 for one in output_size):
        return tape.op("ReduceMean", self, tape.ints(axes), keepdims=1)
    static = [None if self.shape is None else self.shape[axis] for axis in axes]
    sides = [
        size // count if size and size % count == 0 else 0
        for size, count in zip(static, output_size, strict=True)
    ]
    if all(sides) and self.rank == len(axes) + 2:
        return tape.op("AveragePool", self, kernel_shape=sides, strides=sides)
    sizes, found = Sizes(tape), str(self)
    rank, dtype = (self.rank or 0) + 1, self.dtype or ""
    for axis, count in zip(axes, output_size, strict=True):
        bins = _bins(tape, sizes, sizes.of(self, axis), count)
        spread = tape.op("Gather", found, bins.pixels, axis=axis)
        inside = tape.op("Unsqueeze", bins.inside, tape.ints(_along(axis, rank)))
        spread = tape.op("Where", inside, spread, tape.const(0.0, dtype))
        total = tape.op("ReduceSum", spread, tape.ints([axis + 1]), keepdims=0)
        counts = tape.op("Squeeze", tape.cast(bins.counts, dtype), tape.ints([1]))
        others = [one for one in range(rank - 1) if one != axis]
        found = tape.op("Div", total, tape.op("Unsqueeze", counts, tape.ints(others)))
    return found


@aten(
    "adaptive_max_pool1d|adaptive_max_pool2d|adaptive_max_pool3d",
    "Tensor self, int[] output_size",
)
def adaptive_max_pool(
    node: NodeView, tape: Tape, self: Operand, output_size: Sequence[int]
) -> Decision:
    """ReduceMax of the pixels of each bin, and ArgMax where they are."""
    axes = _fit(node, self, output_size)
    if isinstance(axes, Refusal):
        return axes
    sizes, found, places = Sizes(tape), str(self), ""
    lowest = tape.const(-np.inf if "float" in (self.dtype or "") else _lowest(self), self.dtype)
    rank = (self.rank or 0) + 1
    stride: Size = 1
    for axis, count in reversed(list(zip(axes, output_size, strict=True))):
        size = sizes.of(self, axis)
        bins = _bins(tape, sizes, size, count)
        spread = tape.op("Gather", found, bins.pixels, axis=axis)
        inside = tape.op("Unsqueeze", bins.inside, tape.ints(_along(axis, rank)))
        spread = tape.op("Where", inside, spread, lowest)
        found = tape.op("ReduceMax", spread, tape.ints([axis + 1]), keepdims=0)
        if node.out(1):
            best = tape.op("ArgMax", spread, axis=axis + 1, keepdims=1)
            own = tape.op("Unsqueeze", bins.pixels, tape.ints(_along(axis, rank)))
            where = tape.op("Expand", own, tape.op("Shape", spread))
            where = tape.op("Mul", where, sizes.tensor(stride))
            if places:
                where = tape.op("Add", where, tape.op("Gather", places, bins.pixels, axis=axis))
            where = tape.op("GatherElements", where, best, axis=axis + 1)
            places = tape.op("Squeeze", where, tape.ints([axis + 1]))
        stride = sizes.product([stride, size])
    return [found, places]


def _lowest(operand: Operand) -> int:
    return int(np.iinfo(numpy_dtype(operand.dtype or "int64")).min)
