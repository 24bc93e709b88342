"""QuantizeLinear and DequantizeLinear of com.microsoft, which had more types than ai.onnx's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._scalars import scalar

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::QuantizeLinear")
@SYMBOLICS.add("com.microsoft::DequantizeLinear")
def quantize_linear(node: NodeView, tape: Tape) -> Decision:
    """The operator of ai.onnx with this name."""
    value, scale, zero = node.inputs[0], node.inputs[1], node.arg(2)
    rank = scale.rank
    if rank is None:
        return node.refuse_dynamic("the rank of its scale")
    axis = node.attr_int("axis", 1)
    if rank and scale.static_shape == (1,) and not _along_one(value, axis):
        return tape.op(node.op_type, value, scalar(tape, scale), scalar(tape, zero))
    return tape.op(node.op_type, value, scale, zero, axis=axis if rank else None)


def _along_one(value: Operand, axis: int) -> bool:
    """Whether the axis has one index, so that a scale of one element is of that axis."""
    shape = value.shape
    return shape is not None and -len(shape) <= axis < len(shape) and shape[axis] == 1
