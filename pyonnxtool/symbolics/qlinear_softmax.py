"""QLinearSoftmax of com.microsoft."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._quantized import (
    combined,
    dequantized,
    dtype_of,
    number,
    quantized,
    zero_point,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape
    from pyonnxtool.symbolics._quantized import Number

_ONE_AXIS = 13
"""The first opset whose Softmax is over one axis, not over all from it on."""
_LARGEST = 2**23 - 1
"""What stands for the exponential of 0, unless there are so many that their sum takes 33 bits."""
_SUMS = 2**32 - 1


@SYMBOLICS.add("com.microsoft::QLinearSoftmax")
def qlinear_softmax(node: NodeView, tape: Tape) -> Decision:
    """Exponentials of a table, their shares and zero point, all integers, as onnxruntime does it.

    With scales that are computed: DequantizeLinear, Softmax, QuantizeLinear.
    """
    x, x_scale, _, y_scale = node.inputs[:4]
    dtype = dtype_of(x, node.out())
    if dtype is None:
        return node.refuse_dynamic("the type of its input")
    axis = node.attr_int("axis", -1)
    one_axis = node.attr_int("opset", _ONE_AXIS) >= _ONE_AXIS
    rows: str = x
    count = _count(x, axis, one_axis=one_axis)
    flat = not one_axis and axis != -1 and (x.rank is None or axis != x.rank - 1)
    if flat:
        rows, axis = tape.op("Flatten", x, axis=axis), -1
    scale, steps = number(tape, x_scale), _steps(tape, number(tape, y_scale))
    if isinstance(scale, str) or isinstance(steps, str) or dtype not in ("int8", "uint8"):
        floats = dequantized(tape, rows, scale, node.inputs[2])
        shares = tape.op("Softmax", floats, axis=axis)
        one = combined(tape, "Div", np.float32(1), steps)
        made = quantized(tape, shares, one, node.arg(4), dtype)
    else:
        table = _exponentials(float(scale), count)
        made = _shares(tape, rows, axis, table, int(steps), node.arg(4), dtype)
    return tape.op("Reshape", made, tape.op("Shape", x)) if flat else made


def _steps(tape: Tape, scale: Number) -> Number:
    """How many of the output's steps are 1: a whole number."""
    steps = combined(tape, "Div", np.float32(1), scale)
    return tape.op("Floor", steps) if isinstance(steps, str) else np.floor(steps)


def _count(x: Operand, axis: int, *, one_axis: bool) -> int | None:
    """How many numbers are summed; None where that is not known."""
    shape = x.shape
    if shape is None or not -len(shape) <= axis < len(shape):
        return None
    sizes = [shape[axis]] if one_axis else list(shape[axis:])
    return None if None in sizes else math.prod(size or 0 for size in sizes)


def _exponentials(scale: float, count: int | None) -> NDArray[np.int64]:
    """Of each integer that is at most 255 below the largest one, and of that one last."""
    with np.errstate(all="ignore"):  # of any scale that there may be
        largest = min(_SUMS / max(count or 1, 1), float(_LARGEST))
        powers: NDArray[np.float64] = largest * np.exp(np.arange(-255, 1) * scale)
        return np.floor(powers + 0.5).astype(np.int64)


def _shares(
    tape: Tape,
    rows: str,
    axis: int,
    table: NDArray[np.int64],
    steps: int,
    zero: Operand,
    dtype: str,
) -> str:
    wide, axes = tape.cast(rows, "int32"), tape.ints([axis])
    below = tape.op("Sub", wide, tape.op("ReduceMax", wide, axes, keepdims=1))
    last = tape.const(np.array(len(table) - 1, np.int32))
    powers = tape.op("Gather", tape.const(table), tape.op("Add", below, last), axis=0)
    total = tape.op("ReduceSum", powers, axes, keepdims=1)
    half = tape.op("Div", total, tape.const(np.array(2, np.int64)))
    scaled = tape.op("Mul", powers, tape.const(np.array(steps, np.int64)))
    made = tape.op("Div", tape.op("Add", scaled, half), total)
    place = zero_point(tape, zero)
    if place is not None:
        made = tape.op("Add", made, tape.cast(place, "int64"))
    top = tape.const(np.array(np.iinfo(dtype).max, np.int64))
    return tape.cast(tape.op("Min", made, top), dtype)
