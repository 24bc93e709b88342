"""A Resize of sizes that only the run tells: places computed from the shape.

Nearest elements are gathered; linear ones multiplied with weights max(0, 1 - |place - element|).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._resampling import COMPUTED_IN
from pyonnxtool.downgrade.adapters._resized_axes import policy_of
from pyonnxtool.downgrade.adapters._sampling import TIE

if TYPE_CHECKING:
    from pyonnxtool.downgrade.adapters._resized_axes import OpenAxis, Resizing
    from pyonnxtool.downgrade.adapters._sampling import Sampling
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
"""Those that leave an axis of scale 1 as it is."""


def resampled_at_run_time(node: NodeView, tape: Tape, found: Resizing) -> str | Refusal:
    """The value that a Resize of scales or sizes makes of its input X."""
    sampling = found.sampling
    nearest = sampling.mode == "nearest"
    if not _is_known(sampling):
        return node.refuse_dynamic("what size it has")
    computed = COMPUTED_IN.get(node.dtype("X") or "")
    if not nearest and computed is None:
        return node.refuse(f"{node.dtype('X')} elements are interpolated")
    value, run = str(node["X"]), _Run(node, tape, sampling, computed or "float32")
    if not nearest and node.dtype("X") != computed:
        value = tape.cast(value, run.dtype)
    for axis in found.axes:
        value = run.gathered(value, axis) if nearest else run.multiplied(value, axis)
    if not nearest and node.dtype("X") != computed:
        value = tape.cast(value, node.dtype("X") or "")
    fill = tape.const(np.array(node.attr_float("extrapolation_value", 0.0)), node.dtype("X"))
    for outside in run.outside:
        value = tape.op("Where", outside, fill, value)
    return value


def _is_known(sampling: Sampling) -> bool:
    if sampling.coordinates in _COORDINATES or sampling.crops:
        return True
    if sampling.coordinates == "half_pixel_symmetric":  # onnxruntime adds up in float64 here
        return sampling.mode != "nearest" or sampling.nearest.startswith("round")
    how = sampling.mode, sampling.coordinates, sampling.nearest
    return how == ("nearest", "tf_half_pixel_for_nn", "floor")


class _Run:
    """Values that a Resize has when the model runs."""

    def __init__(self, node: NodeView, tape: Tape, sampling: Sampling, dtype: str) -> None:
        self.node, self.tape, self.sampling, self.dtype = node, tape, sampling, dtype
        self._sizes_in: dict[int, str] = {}
        self.outside: list[str] = []
        """For each axis that is cropped, which elements that come out are outside of the input."""

    def gathered(self, value: str, axis: OpenAxis) -> str:
        """The nearest elements along one axis."""
        places = self._rounded(self._places(axis))
        index = self.tape.cast(self._within(places, axis), "int64")
        flat = self.tape.op("Reshape", index, self.tape.ints([-1]))
        return self.tape.op("Gather", value, flat, axis=axis.axis)

    def multiplied(self, value: str, axis: OpenAxis) -> str:
        """The weighted elements along one axis."""
        tape, rank = self.tape, self.node.rank("X") or 0
        places, elements = self._places(axis), self._counted(self._size(axis))
        if self.sampling.mode == "linear" and not self.sampling.antialias:
            places = self._within(places, axis)
        elif not self.sampling.exclude_outside:
            value, elements = self._with_outside(value, axis)
        if axis.axis == rank - 2:
            column = tape.op("Transpose", places)
            return tape.op("MatMul", self._weights(axis, column, elements, 1), value)
        weights = self._weights(axis, tape.op("Transpose", elements), places, 0)
        if axis.axis == rank - 1:
            return tape.op("MatMul", value, weights)
        swap = list(range(rank))
        swap[axis.axis], swap[-1] = swap[-1], swap[axis.axis]
        product = tape.op("MatMul", tape.op("Transpose", value, perm=swap), weights)
        return tape.op("Transpose", product, perm=swap)

    def _with_outside(self, value: str, axis: OpenAxis) -> tuple[str, str]:
        """The value with its edges repeated as far as weights reach, and which elements it has."""
        tape, rank = self.tape, self.node.rank("X") or 0
        reach = 1 if self.sampling.mode == "linear" else 2
        ends = [axis.axis, axis.axis + rank]
        if self.sampling.antialias:
            wide = tape.op("Ceil", tape.op("Div", self._number(reach), self._stretch(axis)))
            far = tape.cast(tape.op("Reshape", wide, tape.ints([1])), "int64")
            both = tape.op("Concat", tape.ints([0]), far, axis=0)
            pads = [int(one in ends) for one in range(2 * rank)]
            edged = tape.op("Pad", value, tape.op("Gather", both, tape.ints(pads)), mode="edge")
        else:
            edged, far = padded(tape, value, axis.axis, rank, reach), tape.ints([reach])
        size = tape.op("Add", self._size(axis), tape.op("Add", far, far))
        return edged, tape.op("Sub", self._counted(size), tape.cast(far, self.dtype))

    def _stretch(self, axis: OpenAxis) -> str:
        """How much narrower the elements of the input are than those that come out, at most 1."""
        return self.tape.op("Min", self._sizes(axis)[2], self._number(1))

    def _weights(self, axis: OpenAxis, column: str, row: str, along: int) -> str:
        """`along`: the axis of elements, over which weights add up to 1."""
        sampling = self.sampling
        away = self.tape.op("Abs", self.tape.op("Sub", column, row))
        if sampling.antialias:
            away = self.tape.op("Mul", away, self._stretch(axis))
        weights = self._below(1, away)
        if sampling.mode == "cubic":
            weights = self._cubic(weights, self._below(2, away))
        if not (sampling.antialias or (sampling.mode == "cubic" and sampling.exclude_outside)):
            return weights
        if self.tape.opset >= 13:
            whole = self.tape.op("ReduceSum", weights, self.tape.ints([along]), keepdims=1)
        else:
            whole = self.tape.op("ReduceSum", weights, axes=[along], keepdims=1)
        return self.tape.op("Div", weights, whole)

    def _below(self, bound: float, away: str) -> str:
        return self.tape.op("Relu", self.tape.op("Sub", self._number(bound), away))

    def _cubic(self, q: str, p: str) -> str:
        """The cubic of R. Keys of t, where q is 1 - t and p is 2 - t, or 0 where that is less.

        It is a p^2 (1 - p), and where t is below 1 also q^2 ((3 + 4 a) - 2 q).
        """
        tape, a = self.tape, self.sampling.cubic_a
        wide = tape.op("Mul", self._number(a), tape.op("Mul", p, p))
        wide = tape.op("Mul", wide, tape.op("Sub", self._number(1), p))
        rest = tape.op("Sub", self._number(3 + 4 * a), tape.op("Add", q, q))
        return tape.op("Add", wide, tape.op("Mul", tape.op("Mul", q, q), rest))

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
        size, place = tape.cast(self._size(axis), self.dtype), tape.ints([axis.place])
        if node.opset < 11 or (node["scales"] and node["scales"].static_shape != (0,)):
            scale = tape.op("Gather", node["scales"], place, axis=0)
            if self.dtype != "float32":
                scale = tape.cast(scale, self.dtype)
            return size, tape.op("Floor", tape.op("Mul", scale, size)), scale
        policy = policy_of(node)
        if policy != "stretch":
            scale = self._one_scale("ReduceMin" if policy == "not_larger" else "ReduceMax")
            rounded = tape.op("Add", tape.op("Mul", scale, size), self._number(0.5))
            return size, tape.op("Floor", rounded), scale
        resized = tape.cast(tape.op("Gather", node["sizes"], place, axis=0), self.dtype)
        return size, resized, tape.op("Div", resized, size)

    def _one_scale(self, reduction: str) -> str:
        """Of all the axes that are listed."""
        tape, node = self.tape, self.node
        listed = [axis % (node.rank("X") or 1) for axis in node.attr_ints("axes") or ()]
        sizes = tape.op("Shape", node["X"])
        if listed:
            sizes = tape.op("Gather", sizes, tape.ints(listed), axis=0)
        wanted = tape.cast(node["sizes"], self.dtype)
        ratios = tape.op("Div", wanted, tape.cast(sizes, self.dtype))
        return tape.op(reduction, ratios, keepdims=1)

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
        if self.sampling.crops:
            return self._cropped(axis, x, tape.op("Sub", size, one), tape.op("Sub", resized, one))
        if how == "asymmetric":
            return tape.op("Div", x, scale)
        if how == "align_corners":
            last = tape.op("Max", tape.op("Sub", resized, one), one)  # of one element: 0 / 1
            return tape.op("Div", tape.op("Mul", x, tape.op("Sub", size, one)), last)
        middle = tape.op("Div", tape.op("Add", x, half), scale)
        if how == "tf_half_pixel_for_nn":
            return middle
        if how == "half_pixel_symmetric":
            part = tape.op("Div", resized, tape.op("Mul", scale, size))
            rest = tape.op("Mul", tape.op("Mul", size, half), tape.op("Sub", one, part))
            middle = tape.op("Add", rest, middle)
        places = tape.op("Sub", middle, half)
        if how != "pytorch_half_pixel":
            return places
        several = tape.cast(tape.op("Greater", resized, one), self.dtype)
        return tape.op("Mul", places, several)

    def _cropped(self, axis: OpenAxis, x: str, last: str, last_resized: str) -> str:
        """Places in a region; notes which of them are outside of the input."""
        tape, node = self.tape, self.node
        listed = node.attr_ints("axes") if node.opset >= 18 else None
        count = len(listed) if listed else node.rank("X") or 0
        if axis.region is not None:
            start, end = (self._number(one) for one in axis.region)
        else:
            start, end = (
                tape.op("Gather", node["roi"], tape.ints([at]), axis=0)
                for at in (axis.place, axis.place + count)
            )
            if node["roi"].dtype != self.dtype:
                start, end = (tape.cast(one, self.dtype) for one in (start, end))
        zero, one = self._number(0), self._number(1)
        across = tape.op("Mul", tape.op("Mul", x, tape.op("Sub", end, start)), last)
        steps = tape.op("Div", across, tape.op("Max", last_resized, one))
        several = tape.op("Add", tape.op("Mul", start, last), steps)
        middle = tape.op("Mul", tape.op("Add", start, end), self._number(0.5))
        middle = tape.op("Mul", middle, last)
        places = tape.op("Where", tape.op("Greater", last_resized, zero), several, middle)
        below, above = tape.op("Less", places, zero), tape.op("Greater", places, last)
        behind = [1] * ((node.rank("X") or 1) - 1 - axis.axis)
        outside = tape.op("Or", below, above)
        self.outside.append(tape.op("Reshape", outside, tape.ints([-1, *behind])))
        return places

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


def padded(tape: Tape, value: str, axis: int, rank: int, by: int) -> str:
    """The edge of one axis repeated at both ends."""
    pads = [by if one == axis else 0 for one in range(rank)] * 2
    if tape.opset >= 11:
        return tape.op("Pad", value, tape.ints(pads), mode="edge")
    return tape.op("Pad", value, mode="edge", pads=pads)
