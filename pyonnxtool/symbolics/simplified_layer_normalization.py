"""RMS normalization, as onnxruntime wrote it into ai.onnx before that had it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._floats import as_dtype, not_float

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_EPSILON = 1e-5


@SYMBOLICS.add("ai.onnx::SimplifiedLayerNormalization")
def simplified_layer_normalization(node: NodeView, tape: Tape) -> Decision:
    """RMSNormalization."""
    x, scale = node.inputs[0], node.inputs[1]
    axis = node.attr_int("axis", -1)
    epsilon = node.attr_float("epsilon", _EPSILON)
    normal = tape.op("RMSNormalization", x, scale, axis=axis, epsilon=epsilon)
    if not node.out(1):
        return normal
    if (refusal := not_float(node, x)) is not None:
        return refusal
    if x.rank is None and axis >= 0:
        return node.refuse_dynamic("the rank of its input")
    axes = range(axis if axis < 0 else axis - (x.rank or 0), 0)
    return normal, _reciprocal(x, axes, epsilon, tape)


def _reciprocal(x: Operand, axes: range, epsilon: float, tape: Tape) -> str:
    """One over the root of the mean square, which is a float32."""
    wide = "float64" if x.dtype == "float64" else "float32"
    value = as_dtype(x, x.dtype or "", wide, tape)
    square = tape.op("ReduceMean", tape.op("Mul", value, value), tape.ints(axes))
    shifted = tape.op("Add", square, tape.const(epsilon, wide))
    return as_dtype(tape.op("Reciprocal", tape.op("Sqrt", shifted)), wide, "float32", tape)
