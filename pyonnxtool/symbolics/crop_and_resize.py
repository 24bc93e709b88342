"""CropAndResize of com.microsoft: boxes of images, all brought to one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._sizes import Size, counted, size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_MODES = ("bilinear", "nearest")


@dataclass(frozen=True)
class _Places:
    """Along one axis, for each box and each of its places."""

    inside: str
    """Whether it is within the image."""
    below: str
    """Index of the pixel at it or before it."""
    above: str
    """Index of the pixel at it or after it."""
    part: str
    """How far it is from `below`, in pixels."""


@SYMBOLICS.add("com.microsoft::CropAndResize")
def crop_and_resize(node: NodeView, tape: Tape) -> Decision:
    """Gather of four pixels, or the nearest one, for each place of each box."""
    x, rois, _, sizes = node.inputs[:4]
    mode = node.attr_str("mode", "bilinear")
    if x.dtype is None:
        return node.refuse_dynamic("the type of its images")
    if mode not in _MODES:
        return node.refuse(f"its mode {mode!r} is not known")
    known = sizes.const
    counts = [
        Size(None if known is None else int(known[axis]), _one(tape, sizes, axis))
        for axis in (0, 1)
    ]
    y, x_ = (
        _places(tape, rois, axis, size_of(x, 2 + axis), counts[axis], x.dtype) for axis in (0, 1)
    )
    pixels = _Pixels.of(tape, node)
    if mode == "nearest":
        made = pixels.at(tape, _nearest(tape, y, x.dtype), _nearest(tape, x_, x.dtype))
    else:
        top, bottom = (
            _mixed(tape, pixels.at(tape, row, x_.below), pixels.at(tape, row, x_.above), x_, (1, 3))
            for row in (y.below, y.above)
        )
        made = _mixed(tape, top, bottom, y, (2, 3))
    inside = tape.op("And", _spread(tape, y.inside, (2, 3)), _spread(tape, x_.inside, (1, 3)))
    outside = tape.const(node.attr_float("extrapolation_value", 0.0), x.dtype)
    return tape.op("Transpose", tape.op("Where", inside, made, outside), perm=[0, 3, 1, 2])


def _places(tape: Tape, rois: str, axis: int, length: Size, count: Size, dtype: str) -> _Places:
    first, last = (
        tape.op("Gather", rois, tape.ints([place]), axis=1) for place in (axis, axis + 2)
    )
    end = tape.op("Sub", tape.cast(length.scalar(tape), dtype), tape.const(1, dtype))
    steps = tape.op("Sub", tape.cast(count.scalar(tape), dtype), tape.const(1, dtype))
    numbers = tape.cast(counted(count, tape), dtype)
    over = tape.op("Mul", tape.op("Sub", last, first), end)
    step = tape.op("Div", over, tape.op("Max", steps, tape.const(1, dtype)))
    places = tape.op("Add", tape.op("Mul", first, end), tape.op("Mul", numbers, step))
    at_end = tape.op("Equal", numbers, steps)
    places = tape.op("Where", at_end, tape.op("Mul", last, end), places)
    middle = tape.op("Mul", tape.op("Add", first, last), tape.const(0.5, dtype))
    alone = tape.op("Equal", steps, tape.const(0, dtype))
    places = tape.op("Where", alone, tape.op("Mul", middle, end), places)
    low = tape.op("Less", places, tape.const(0, dtype))
    out = tape.op("Or", low, tape.op("Greater", places, end))
    kept = tape.op("Where", out, tape.const(0, dtype), places)
    below = tape.op("Floor", kept)
    return _Places(
        tape.op("Not", out),
        tape.cast(below, "int64"),
        tape.cast(tape.op("Ceil", kept), "int64"),
        tape.op("Sub", kept, below),
    )


@dataclass(frozen=True)
class _Pixels:
    """All pixels of all images as rows, and where an image begins for each box."""

    rows: str
    begin: str
    width: str

    @classmethod
    def of(cls, tape: Tape, node: NodeView) -> _Pixels:
        x = node.inputs[0]
        height, width = (size_of(x, axis).scalar(tape) for axis in (2, 3))
        last = tape.op("Transpose", x, perm=[0, 2, 3, 1])
        channels = size_of(x, 1).vector(tape)
        shape = tape.op("Concat", tape.ints([-1]), channels, axis=0)
        begin = tape.op("Mul", tape.cast(node.inputs[2], "int64"), tape.op("Mul", height, width))
        return cls(tape.op("Reshape", last, shape), _spread(tape, begin, (1, 2)), width)

    def at(self, tape: Tape, row: str, column: str) -> str:
        """Box, height, width, channel."""
        rows = tape.op("Mul", _spread(tape, row, (2,)), self.width)
        place = tape.op("Add", tape.op("Add", rows, _spread(tape, column, (1,))), self.begin)
        return tape.op("Gather", self.rows, place, axis=0)


def _nearest(tape: Tape, places: _Places, dtype: str) -> str:
    """Halves go up."""
    up = tape.op("Less", places.part, tape.const(0.5, dtype))
    return tape.op("Where", up, places.below, places.above)


def _mixed(tape: Tape, first: str, second: str, places: _Places, axes: tuple[int, ...]) -> str:
    part = _spread(tape, places.part, axes)
    return tape.op("Add", first, tape.op("Mul", tape.op("Sub", second, first), part))


def _spread(tape: Tape, value: str, axes: tuple[int, ...]) -> str:
    return tape.op("Unsqueeze", value, tape.ints(axes))


def _one(tape: Tape, sizes: str, place: int) -> str:
    taken = tape.op("Gather", sizes, tape.ints([place]), axis=0)
    return tape.cast(taken, "int64")
