"""Position-sensitive regions of torchvision: each bin has channels of its own.

The channels of an image are [made, height, width] bins, and bin (p, q) of a region is made of the
maps [:, p, q] (https://docs.pytorch.org/vision/main/generated/torchvision.ops.ps_roi_align.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._regions import Bins, corners, images_of, unfit
from pyonnxtool.symbolics._signature import signature

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("torchvision::ps_roi_align")
@signature(
    "Tensor input, Tensor rois, float spatial_scale, int pooled_height|output_height, "
    "int pooled_width|output_width, int sampling_ratio"
)
def ps_roi_align(
    node: NodeView,
    tape: Tape,
    input: Operand,
    rois: Operand,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int = -1,
) -> Decision:
    """RoiAlign of all channels, of which each bin takes its own."""
    bins = Bins(pooled_height, pooled_width, spatial_scale, sampling_ratio, half_pixel=True)
    if (refusal := _unfit(node, bins, input, rois)) is not None:
        return refusal
    count = pooled_height * pooled_width
    crossed = tape.op("Reshape", bins.means(tape, input, rois), tape.ints([0, -1, count * count]))
    own = tape.op("Gather", crossed, tape.ints(np.arange(count) * (count + 1)), axis=2)
    made = tape.op("Reshape", own, tape.ints([0, -1, pooled_height, pooled_width]))
    if sampling_ratio <= 0:
        made = _nothing_sampled(tape, bins, rois, made)
    return [made, *_mapping(node, tape, bins, input, made)]


@SYMBOLICS.add("torchvision::ps_roi_pool")
@signature(
    "Tensor input, Tensor rois, float spatial_scale, int pooled_height|output_height, "
    "int pooled_width|output_width"
)
def ps_roi_pool(
    node: NodeView,
    tape: Tape,
    input: Operand,
    rois: Operand,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
) -> Decision:
    """MatMul of all pixels and those that are in each bin."""
    bins = Bins(pooled_height, pooled_width, spatial_scale)
    if (refusal := _unfit(node, bins, input, rois)) is not None:
        return refusal
    sizes, dtype = Sizes(tape), input.dtype or ""
    count = pooled_height * pooled_width
    images, height, width = (sizes.of(input, axis) for axis in (0, 2, 3))
    maps = tape.op("Reshape", input, sizes.joined([0, -1, count, sizes.product([height, width])]))
    maps = tape.op("Transpose", maps, perm=[2, 1, 0, 3])
    pixels = sizes.product([images, height, width])
    maps = tape.op("Reshape", maps, sizes.joined([count, -1, pixels]))
    rows, high = _bounds(tape, sizes, rois, bins, 1, height)
    columns, wide = _bounds(tape, sizes, rois, bins, 0, width)
    rows = tape.op("Unsqueeze", rows, tape.ints([2, 3, 5]))  # [K, height, width, N, H, W]
    inside = tape.op("And", rows, tape.op("Unsqueeze", columns, tape.ints([1, 3, 4])))
    if images != 1:
        own = tape.op("Unsqueeze", images_of(tape, rois), tape.ints([1, 2, 3, 4, 5]))
        inside = tape.op("And", inside, tape.op("Equal", own, sizes.iota_along(images, 3, 6)))
    shape = sizes.joined([-1, count, pixels])
    inside = tape.op("Reshape", tape.cast(inside, dtype), shape)
    inside = tape.op("Transpose", inside, perm=[1, 2, 0])
    sums = tape.op("Transpose", tape.op("MatMul", maps, inside), perm=[2, 1, 0])
    sums = tape.op("Reshape", sums, tape.ints([0, -1, pooled_height, pooled_width]))
    high = tape.op("Unsqueeze", high, tape.ints([1, 3]))
    areas = tape.op("Mul", high, tape.op("Unsqueeze", wide, tape.ints([1, 2])))
    made = tape.op("Div", sums, tape.op("Max", areas, tape.const(1.0, dtype)))
    return [made, *_mapping(node, tape, bins, input, made)]


def _bounds(
    tape: Tape, sizes: Sizes, rois: Operand, bins: Bins, axis: int, size: Size
) -> tuple[str, str]:
    """Along an axis (0: x), whether a pixel is in a bin, [K, bins, size], and how many are."""
    dtype, number = rois.dtype or "", bins.height if axis else bins.width
    first, last = (
        _rounded(tape, tape.op("Mul", one, tape.const(bins.scale, dtype)), dtype)
        for one in _ends(tape, rois, axis)
    )
    one, zero = tape.const(1.0, dtype), tape.const(0.0, dtype)
    side = tape.op("Max", tape.op("Sub", last, first), one)
    step = tape.op("Div", side, tape.const(float(number), dtype))
    steps = np.arange(number + 1)
    begin = tape.op("Floor", tape.op("Mul", tape.const(steps[None, :-1], dtype), step))
    end = tape.op("Ceil", tape.op("Mul", tape.const(steps[None, 1:], dtype), step))
    # The last row and column of an image are in no bin, as torchvision has it.
    most = tape.op("Sub", tape.cast(sizes.tensor(size), dtype), one)
    begin, end = (
        tape.op("Min", tape.op("Max", tape.op("Add", place, first), zero), most)
        for place in (begin, end)
    )
    pixel = tape.cast(sizes.iota_along(size, 2, 3), dtype)
    behind = tape.op("GreaterOrEqual", pixel, tape.op("Unsqueeze", begin, tape.ints([2])))
    before = tape.op("Less", pixel, tape.op("Unsqueeze", end, tape.ints([2])))
    count = tape.op("Max", tape.op("Sub", end, begin), zero)
    return tape.op("And", behind, before), count


def _ends(tape: Tape, rois: str, axis: int) -> list[str]:
    """First and last coordinate along an axis (0: x), [K, 1] each."""
    places = corners(tape, rois)
    return [tape.op("Gather", places, tape.ints([at]), axis=1) for at in (axis, axis + 2)]


def _rounded(tape: Tape, value: str, dtype: str) -> str:
    """To the nearest whole number; halves go away from zero, where Round goes to the even one."""
    size = tape.op("Abs", value)
    whole = tape.op("Floor", size)
    half = tape.const(0.5, dtype)
    up = tape.cast(tape.op("GreaterOrEqual", tape.op("Sub", size, whole), half), dtype)
    return tape.op("Mul", tape.op("Add", whole, up), tape.op("Sign", value))


def _nothing_sampled(tape: Tape, bins: Bins, rois: Operand, made: str) -> str:
    """NaN in regions without any sample, whose sum torchvision divides by their number."""
    dtype, half = rois.dtype or "", tape.const(0.5, rois.dtype)
    numbers = []
    for axis, count in ((0, bins.width), (1, bins.height)):
        first, last = (
            tape.op("Sub", tape.op("Mul", one, tape.const(bins.scale, dtype)), half)
            for one in _ends(tape, rois, axis)
        )
        side = tape.op("Sub", last, first)
        numbers.append(tape.op("Ceil", tape.op("Div", side, tape.const(float(count), dtype))))
    none = tape.op("Equal", tape.op("Mul", *numbers), tape.const(0.0, dtype))
    none = tape.op("Unsqueeze", none, tape.ints([2, 3]))
    return tape.op("Where", none, tape.const(np.nan, dtype), made)


def _mapping(node: NodeView, tape: Tape, bins: Bins, image: Operand, made: str) -> list[str]:
    """Which channel each element comes from, where that is asked for."""
    if not node.out(1):
        return []
    sizes = Sizes(tape)
    channels = tape.cast(sizes.iota(sizes.of(image, 1)), "int32")
    channels = tape.op("Reshape", channels, tape.ints([1, -1, bins.height, bins.width]))
    return [tape.op("Expand", channels, tape.op("Shape", made))]


def _unfit(node: NodeView, bins: Bins, image: Operand, rois: Operand) -> Refusal | None:
    if (refusal := unfit(node, bins, image, rois)) is not None:
        return refusal
    channels = image.shape[1] if image.shape else None
    if channels is not None and channels % (bins.height * bins.width):
        return node.refuse(
            f"{channels} channels are none for each of {bins.height} by {bins.width}"
        )
    return None
