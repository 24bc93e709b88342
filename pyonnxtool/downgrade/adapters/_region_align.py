"""RoiAlign as Gathers of what is around each sample, weighed, then summed or compared in a bin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._axes import reshape, unsqueezed
from pyonnxtool.downgrade.adapters._image import Image, summed, within

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_NARROW = ("float16", "bfloat16")


def region_aligned(node: NodeView, tape: Tape, *, half_pixel: bool) -> str | Refusal:
    """The output of a RoiAlign.

    `half_pixel`: places are half a pixel less, and no region is made one pixel large at least.
    """
    shape, dtype = node.shape("X"), node.dtype("X")
    if shape is None or dtype is None:
        return node.refuse_dynamic("its rank")
    mode = node.attr_str("mode")
    if len(shape) != 4 or mode not in ("avg", "max"):
        return node.refuse(f"it pools {mode!r} of rank {len(shape)}")
    computed = "float32" if dtype in _NARROW else dtype
    x, rois = (
        str(node[name]) if dtype == computed else tape.cast(node[name], computed)
        for name in ("X", "rois")
    )
    image = Image(tape, x, shape, computed, rim=False)
    scaled = tape.op("Mul", rois, image.numbers(node.attr_float("spatial_scale")))
    if half_pixel:
        scaled = tape.op("Sub", scaled, image.numbers(0.5))
    regions = _Regions(image, unsqueezed(tape, scaled, [2]), half_pixel, mean=mode == "avg")
    ratio = node.attr_int("sampling_ratio")
    wide, wide_weights = regions.taps(0, node.attr_int("output_width"), ratio)
    high, high_weights = regions.taps(1, node.attr_int("output_height"), ratio)
    # [regions, height, width, taps, taps, channels]
    steps = [unsqueezed(tape, wide, [1, 3]), unsqueezed(tape, high, [2, 4])]
    images = reshape(tape, node["batch_indices"], [-1, 1, 1, 1, 1])
    rows = image.rows_at(steps, images)
    crossed = tape.op(
        "Mul", unsqueezed(tape, wide_weights, [1, 3, 5]), unsqueezed(tape, high_weights, [2, 4, 5])
    )
    parts = tape.op("Mul", rows, crossed)
    pooled = summed(tape, parts, [3, 4]) if mode == "avg" else _largest(tape, parts)
    made = tape.op("Transpose", pooled, perm=[0, 3, 1, 2])
    return made if dtype == computed else tape.cast(made, dtype)


def _largest(tape: Tape, parts: str) -> str:
    """Of the weighed elements, not of what they add up to: as in the tests of the onnx package."""
    return tape.op("ReduceMax", parts, axes=[3, 4], keepdims=0)


class _Regions:
    """Regions in an image, as [regions, (x1, y1, x2, y2), 1]."""

    def __init__(self, image: Image, corners: str, half_pixel: bool, *, mean: bool) -> None:
        self.image, self.tape, self.corners = image, image.tape, corners
        self._half_pixel, self._mean = half_pixel, mean

    def taps(self, axis: int, bins: int, ratio: int) -> tuple[str, str]:
        """Elements around each sample along one axis, and their weights: [regions, bins, taps]."""
        places, share = self._places(axis, bins, ratio)
        tape, image = self.tape, self.image
        zero, last = image.numbers(0), image.size(axis, -1)
        before = tape.op("Less", places, image.numbers(-1))
        beyond = tape.op("Greater", places, image.size(axis))
        inside = tape.op("Not", tape.op("Or", before, beyond))
        inside = tape.cast(inside, image.dtype)
        share = tape.op("Mul", inside, share) if share else inside
        held = tape.op("Min", tape.op("Max", places, zero), last)
        low = tape.op("Floor", held)
        rest = tape.op("Sub", held, low)
        near = tape.op("Mul", tape.op("Sub", image.numbers(1), rest), share)
        weights = tape.op("Concat", near, tape.op("Mul", rest, share), axis=2)
        pair = tape.op("Concat", low, tape.op("Add", low, image.numbers(1)), axis=2)
        return within(tape, pair, zero, last), weights

    def _places(self, axis: int, bins: int, ratio: int) -> tuple[str, str]:
        """Samples, [regions, bins, samples], and what each counts for in a mean ("" for 1)."""
        tape, image = self.tape, self.image
        start, end = (
            tape.op("Gather", self.corners, tape.ints([at]), axis=1) for at in (axis, axis + 2)
        )
        length = tape.op("Sub", end, start)
        if not self._half_pixel:
            length = tape.op("Max", length, image.numbers(1))
        width = tape.op("Div", length, image.numbers(bins))
        begins = tape.op("Mul", image.numbers(np.arange(bins)[:, None]), width)
        begins = tape.op("Add", start, begins)
        if ratio > 0:
            number, share = image.numbers(ratio), image.numbers(1 / ratio) if self._mean else ""
            counted = image.numbers(np.arange(ratio) + 0.5)
        else:
            number, share, counted = self._adaptive(width)
        inner = tape.op("Div", tape.op("Mul", counted, width), number)
        return tape.op("Add", begins, inner), share

    def _adaptive(self, width: str) -> tuple[str, str, str]:
        """How many samples a bin has, what each counts for, and the middle of each.

        There are as many as the largest region has. Those that are too many count nothing in a
        mean, and are the last one once more where the largest is asked for.
        """
        tape, image = self.tape, self.image
        one, half = image.numbers(1), image.numbers(0.5)
        number = tape.op("Ceil", width)
        all_numbers = tape.op("Concat", reshape(tape, number, [-1]), image.numbers([1]), axis=0)
        most = tape.cast(tape.op("ReduceMax", all_numbers, axes=[0], keepdims=1), "int64")
        ones = tape.op("ConstantOfShape", most, value=np.ones(1, np.int64))
        counted = tape.cast(tape.op("NonZero", ones), image.dtype)
        some = tape.op("Max", number, one)
        taken = tape.cast(tape.op("Less", counted, number), image.dtype)
        if self._mean:
            return some, tape.op("Div", taken, some), tape.op("Add", counted, half)
        held = tape.op("Min", counted, tape.op("Sub", some, one))
        any_at_all = tape.cast(tape.op("Greater", number, image.numbers(0)), image.dtype)
        return some, any_at_all, tape.op("Add", held, half)
