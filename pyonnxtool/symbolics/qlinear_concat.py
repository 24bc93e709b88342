"""QLinearConcat and QLinearWhere of com.microsoft: integers that get the scale of the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._quantized import dequantized, dtype_of, number, quantized, same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::QLinearConcat")
def qlinear_concat(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear and QuantizeLinear of what has another scale, then Concat."""
    scale, zero, *parts = node.inputs
    if not parts or len(parts) % 3:
        return node.refuse("its inputs are not a tensor, a scale and a zero point each")
    dtype = dtype_of(zero, parts[0])
    if dtype is None:
        return node.refuse_dynamic("the type of its operands")
    made = [
        _rescaled(tape, parts[at : at + 3], scale, zero, dtype) for at in range(0, len(parts), 3)
    ]
    return tape.op("Concat", *made, axis=node.attr_int("axis"))


@SYMBOLICS.add("com.microsoft::QLinearWhere")
def qlinear_where(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear and QuantizeLinear of what has another scale, then Where."""
    condition, *parts = node.inputs
    if len(parts) != 8:
        return node.refuse("its inputs are not a condition, and a tensor with scale and zero point")
    scale, zero = parts[6:]
    dtype = dtype_of(zero, parts[0])
    if dtype is None:
        return node.refuse_dynamic("the type of its operands")
    x, y = (_rescaled(tape, parts[at : at + 3], scale, zero, dtype) for at in (0, 3))
    return tape.op("Where", condition, x, y)


def _rescaled(
    tape: Tape, part: Sequence[Operand], scale: Operand, zero: Operand, dtype: str
) -> str:
    value, own_scale, own_zero = part
    if same((own_scale, scale), (own_zero, zero)):
        return value
    made = dequantized(tape, value, number(tape, own_scale), own_zero)
    return quantized(tape, made, number(tape, scale), zero, dtype)
