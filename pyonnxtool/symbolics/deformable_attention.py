"""Attention that samples a few places of feature maps, of Deformable DETR and those after it.

X. Zhu et al., Deformable DETR (2021), https://arxiv.org/abs/2010.04159, as mmcv computes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._signature import signature

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("mmcv::MMCVMultiScaleDeformableAttention")
@SYMBOLICS.add("mmdeploy::MMCVMultiScaleDeformableAttention")
@signature(
    "Tensor value, Tensor shapes, Tensor starts, Tensor locations, Tensor weights, int im2col_step"
)
def deformable_attention(
    node: NodeView,
    tape: Tape,
    value: Operand,
    shapes: Operand,
    starts: Operand,
    locations: Operand,
    weights: Operand,
    im2col_step: int = 64,
) -> Decision:
    """GridSample of each feature map, weighed and summed."""
    levels = _levels(shapes, locations, weights)
    if levels is None:
        return node.refuse_dynamic("how many feature maps it samples")
    ranks = (value.rank, locations.rank, weights.rank)
    if ranks != (4, 6, 5) or value.dtype is None:
        return node.refuse(f"its inputs have the ranks {ranks}")
    sizes = Sizes(tape)
    batch, heads, width = (sizes.of(value, axis) for axis in (0, 2, 3))
    queries, points = sizes.of(locations, 1), sizes.of(locations, 4)
    pairs = sizes.product([batch, heads])
    # Of (x, y) from 0 to 1, and GridSample's go from -1 to 1: [levels, batch, heads, ...].
    two, one = tape.const(2.0, value.dtype), tape.const(1.0, value.dtype)
    places = tape.op("Sub", tape.op("Mul", locations, two), one)
    places = tape.op("Transpose", places, perm=[3, 0, 2, 1, 4, 5])
    places = tape.op("Reshape", places, sizes.joined([levels, pairs, queries, points, 2]))
    shares = tape.op("Transpose", weights, perm=[3, 0, 2, 1, 4])
    shares = tape.op("Reshape", shares, sizes.joined([levels, pairs, 1, queries, points]))
    pixels = tape.op("Transpose", value, perm=[0, 2, 3, 1])
    made = ""
    for level in range(levels):
        height, wide, start = _level(tape, shapes, starts, level)
        end = sizes.sum(start, sizes.product([height, wide]))
        bounds = (sizes.tensor(start), sizes.tensor(end), tape.ints([3]))
        image = tape.op("Slice", pixels, *bounds)
        image = tape.op("Reshape", image, sizes.joined([pairs, width, height, wide]))
        at = tape.const(level, "int64")
        grid = tape.op("Gather", places, at, axis=0)
        sampled = tape.op("GridSample", image, grid, mode="linear", padding_mode="zeros")
        weighed = tape.op("Mul", sampled, tape.op("Gather", shares, at, axis=0))
        summed = tape.op("ReduceSum", weighed, tape.ints([3]), keepdims=0)
        made = tape.op("Add", made, summed) if made else summed
    rows = sizes.product([heads, width])
    return tape.op(
        "Transpose",
        tape.op("Reshape", made, sizes.joined([batch, rows, queries])),
        perm=[0, 2, 1],
    )


def _levels(shapes: Operand, locations: Operand, weights: Operand) -> int | None:
    known = [
        shape[axis]
        for operand, axis in ((shapes, 0), (locations, 3), (weights, 3))
        if (shape := operand.shape) is not None and axis < len(shape)
    ]
    return next((one for one in known if one is not None), None)


def _level(tape: Tape, shapes: Operand, starts: Operand, level: int) -> tuple[Size, Size, Size]:
    """Height, width and first pixel of a feature map."""
    held, begin = shapes.const, starts.const
    if held is not None and begin is not None:
        return int(held[level, 0]), int(held[level, 1]), int(begin[level])
    row = tape.op("Gather", tape.cast(shapes, "int64"), tape.const(level, "int64"), axis=0)
    height, width = (tape.op("Gather", row, tape.ints([at]), axis=0) for at in (0, 1))
    first = tape.op("Gather", tape.cast(starts, "int64"), tape.ints([level]), axis=0)
    return height, width, first
