"""QLinearSoftmax of com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._quantized import combined, dequantized, dtype_of, number, quantized

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape
    from pyonnxtool.symbolics._quantized import Number

_ONE_AXIS = 13
"""The first opset whose Softmax is over one axis, not over all from it on."""


@SYMBOLICS.add("com.microsoft::QLinearSoftmax")
def qlinear_softmax(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear, Softmax, QuantizeLinear.

    onnxruntime sums exponentials of a table. Of an output with the usual scale of 1/256 that is the
    same; with 1,000 steps or more 1 share of 100,000 lies so near to a half that it is off by one.
    """
    x, x_scale, x_zero, y_scale = node.inputs[:4]
    dtype = dtype_of(x, node.out())
    if dtype is None:
        return node.refuse_dynamic("the type of its input")
    axis = node.attr_int("axis", -1)
    floats = dequantized(tape, x, number(tape, x_scale), x_zero)
    one_axis = node.attr_int("opset", _ONE_AXIS) >= _ONE_AXIS
    if one_axis or axis == -1 or (x.rank is not None and axis == x.rank - 1):
        made = tape.op("Softmax", floats, axis=axis)
    else:
        rows = tape.op("Softmax", tape.op("Flatten", floats, axis=axis), axis=-1)
        made = tape.op("Reshape", rows, tape.op("Shape", x))
    return quantized(tape, made, _whole_steps(tape, number(tape, y_scale)), node.arg(4), dtype)


def _whole_steps(tape: Tape, scale: Number) -> Number:
    """The scale that onnxruntime uses: 1 over a whole number."""
    one = np.float32(1)
    steps = combined(tape, "Div", one, scale)
    whole = tape.op("Floor", steps) if isinstance(steps, str) else np.floor(steps)
    return combined(tape, "Div", one, whole)
