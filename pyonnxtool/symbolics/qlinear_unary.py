"""QLinearSigmoid, QLinearLeakyRelu and QLinearReduceMean of com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._quantized import dequantized, dtype_of, number, quantized

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::QLinearSigmoid")
def qlinear_sigmoid(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear, Sigmoid, QuantizeLinear."""
    return _between(node, tape, "Sigmoid")


@SYMBOLICS.add("com.microsoft::QLinearLeakyRelu")
def qlinear_leaky_relu(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear, LeakyRelu, QuantizeLinear."""
    return _between(node, tape, "LeakyRelu", alpha=node.attr_float("alpha", 0.01))


@SYMBOLICS.add("com.microsoft::QLinearReduceMean")
def qlinear_reduce_mean(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear, ReduceMean, QuantizeLinear."""
    axes = node.attr_ints("axes")
    given = [] if axes is None else [tape.ints(axes)]
    return _between(node, tape, "ReduceMean", *given, keepdims=node.attr_int("keepdims", 1))


def _between(
    node: NodeView, tape: Tape, op_type: str, *more: str, **attributes: Any
) -> str | Refusal:
    dtype = dtype_of(node.inputs[0], node.out())
    if dtype is None:
        return node.refuse_dynamic("the type of its operands")
    x = dequantized(tape, node.inputs[0], number(tape, node.inputs[1]), node.inputs[2])
    made = tape.op(op_type, x, *more, **attributes)
    return quantized(tape, made, number(tape, node.inputs[3]), node.arg(4), dtype)
