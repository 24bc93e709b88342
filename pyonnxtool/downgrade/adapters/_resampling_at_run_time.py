"""A Resize of sizes that only the run tells: places computed from the shape.

Nearest elements are gathered; linear ones multiplied with weights max(0, 1 - |place - element|).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._resampling import COMPUTED_IN
from pyonnxtool.downgrade.adapters._sampling import TIE

if TYPE_CHECKING:
    from pyonnxtool.downgrade.adapters._resized_axes import OpenAxis, Resizing
    from pyonnxtool.downgrade.adapters._sampling import Sampling
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.refusal import Refusal
    from pyonnxtool.rewrite.tape import Tape

_COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
"""Those that leave an axis of scale 1 as it is."""


def resampled_at_run_time(node: NodeView, tape: Tape, found: Resizing) -> str | Refusal:
    """The value that a Resize of scales or sizes makes of its input X."""
    sampling = found.sampling
    nearest = sampling.mode == "nearest"
    how = sampling.coordinates, sampling.nearest
    plain = how[0] in _COORDINATES or (nearest and how == ("tf_half_pixel_for_nn", "floor"))
    if sampling.mode == "cubic" or not plain or sampling.antialias:
        return node.refuse_dynamic("what size it has")
    computed = COMPUTED_IN.get(node.dtype("X") or "")
    if not nearest and computed is None:
        return node.refuse(f"{node.dtype('X')} elements are interpolated")
    value, run = str(node["X"]), _Run(node, tape, sampling, computed or "float32")
    if not nearest and node.dtype("X") != computed:
        value = tape.cast(value, run.dtype)
    for axis in found.axes:
        value = run.gathered(value, axis) if nearest else run.multiplied(value, axis)
    if nearest or node.dtype("X") == computed:
        return value
    return tape.cast(value, node.dtype("X") or "")


class _Run:
    """Values that a Resize has when the model runs."""

    def __init__(self, node: NodeView, tape: Tape, sampling: Sampling, dtype: str) -> None:
        self.node, self.tape, self.sampling, self.dtype = node, tape, sampling, dtype
        self._sizes_in: dict[int, str] = {}

    def gathered(self, value: str, axis: OpenAxis) -> str:
        """The nearest elements along one axis."""
        places = self._rounded(self._places(axis))
        index = self.tape.cast(self._within(places, axis), "int64")
        flat = self.tape.op("Reshape", index, self.tape.ints([-1]))
        return self.tape.op("Gather", value, flat, axis=axis.axis)

    def multiplied(self, value: str, axis: OpenAxis) -> str:
        """The weighted elements along one axis."""
        tape, rank = self.tape, self.node.rank("X") or 0
        places = self._within(self._places(axis), axis)
        elements = self._counted(self._size(axis))
        if axis.axis == rank - 2:
            return tape.op("MatMul", self._weights(tape.op("Transpose", places), elements), value)
        weights = self._weights(tape.op("Transpose", elements), places)
        if axis.axis == rank - 1:
            return tape.op("MatMul", value, weights)
        swap = list(range(rank))
        swap[axis.axis], swap[-1] = swap[-1], swap[axis.axis]
        product = tape.op("MatMul", tape.op("Transpose", value, perm=swap), weights)
        return tape.op("Transpose", product, perm=swap)

    def _weights(self, column: str, row: str) -> str:
        away = self.tape.op("Abs", self.tape.op("Sub", column, row))
        return self.tape.op("Relu", self.tape.op("Sub", self._number(1), away))

    def _number(self, value: float) -> str:
        return self.tape.const(np.array(value), self.dtype)

    def _size(self, axis: OpenAxis) -> str:
        if axis.size is not None:
            return self.tape.ints([axis.size])
        if axis.axis not in self._sizes_in:
            shape, place = self.tape.op("Shape", self.node["X"]), self.tape.ints([axis.axis])
            self._sizes_in[axis.axis] = self.tape.op("Gather", shape, place, axis=0)
        return self._sizes_in[axis.axis]

    def _sizes(self, axis: OpenAxis) -> tuple[str, str, str]:
        """Size in and out as floats, and the scale; each of one element."""
        tape, node = self.tape, self.node
        size = tape.cast(self._size(axis), self.dtype)
        place = tape.ints([axis.axis])
        if node.opset < 11 or (node["scales"] and node["scales"].static_shape != (0,)):
            scale = tape.op("Gather", node["scales"], place, axis=0)
            if self.dtype != "float32":
                scale = tape.cast(scale, self.dtype)
            return size, tape.op("Floor", tape.op("Mul", scale, size)), scale
        resized = tape.cast(tape.op("Gather", node["sizes"], place, axis=0), self.dtype)
        return size, resized, tape.op("Div", resized, size)

    def _counted(self, size: str) -> str:
        """0, 1, 2 ... in one row, without Range, which came with opset 11."""
        ones = self.tape.op("ConstantOfShape", size, value=np.ones(1, np.int64))
        return self.tape.cast(self.tape.op("NonZero", ones), self.dtype)

    def _places(self, axis: OpenAxis) -> str:
        """Places in the input in one row; the same sums as in `_sampling`."""
        tape, how = self.tape, self.sampling.coordinates
        size, resized, scale = self._sizes(axis)
        x = self._counted(tape.cast(resized, "int64"))
        half, one = self._number(0.5), self._number(1)
        if how == "asymmetric":
            return tape.op("Div", x, scale)
        if how == "align_corners":
            last = tape.op("Max", tape.op("Sub", resized, one), one)  # of one element: 0 / 1
            return tape.op("Div", tape.op("Mul", x, tape.op("Sub", size, one)), last)
        middle = tape.op("Div", tape.op("Add", x, half), scale)
        if how == "tf_half_pixel_for_nn":
            return middle
        places = tape.op("Sub", middle, half)
        if how == "half_pixel":
            return places
        several = tape.cast(tape.op("Greater", resized, one), self.dtype)
        return tape.op("Mul", places, several)

    def _within(self, places: str, axis: OpenAxis) -> str:
        size = self.tape.cast(self._size(axis), self.dtype)
        last = self.tape.op("Sub", size, self._number(1))
        return self.tape.op("Min", self.tape.op("Max", places, self._number(0)), last)

    def _rounded(self, places: str) -> str:
        how = self.sampling.nearest
        if how == "round_prefer_floor":
            return self.tape.op("Ceil", self.tape.op("Sub", places, self._number(0.5 + TIE)))
        if how == "round_prefer_ceil":
            return self.tape.op("Floor", self.tape.op("Add", places, self._number(0.5 + TIE)))
        return self.tape.op(how.capitalize(), places)
