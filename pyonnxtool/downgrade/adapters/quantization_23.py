"""QuantizeLinear and DequantizeLinear from 23 to 22: one dtype for operand, scale and division."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._quantized import dequantized, is_zero
from pyonnxtool.rewriting.decision import Edit
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_FLOATS = ("float32", "float16", "bfloat16")


@ADAPTERS.add(("QuantizeLinear", 23))
def quantize_linear(node: NodeView, tape: Tape) -> Decision:
    """23 -> 22: operand and scale become the dtype of the division."""
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2)
    code = int(node.attr("precision", 0))
    named = {elem_type(one): one for one in _FLOATS}
    if code and code not in named:
        return node.refuse(f"no precision is of type {code}")
    precision = named[code] if code else _common(x.dtype, scale.dtype)
    inputs = [_in(x, precision, tape), _in(scale, precision, tape), zero]
    return Edit(drop=["precision"], inputs=inputs)


@ADAPTERS.add(("DequantizeLinear", 23))
def dequantize_linear(node: NodeView, tape: Tape) -> Decision:
    """23 -> 22: the scale is of the output's dtype, or the output is made of the scale's."""
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2)
    out = node.out().dtype or scale.dtype
    if x.dtype == "float4e2m1":
        if x.const is None or not is_zero(zero):
            return node.refuse("there is no float4e2m1 before opset 23")
        return dequantized(node, tape, out)
    if out == scale.dtype or out is None:
        return Edit(drop=["output_dtype"])
    if out == "float32":
        return Edit(drop=["output_dtype"], inputs=[x, _in(scale, out, tape), zero])
    wide = _in(scale, "float32", tape)
    axis, block_size = (node.attributes.get(name) for name in ("axis", "block_size"))
    made = tape.op("DequantizeLinear", x, wide, zero, axis=axis, block_size=block_size)
    return tape.cast(made, out)


def _common(x: str | None, scale: str | None) -> str | None:
    """What both are divided in: the wider of two floats; integers take that of the scale."""
    if x in ("int32", scale, None):
        return scale
    return "float32" if scale in (*_FLOATS, "int32") else None


def _in(operand: Operand, dtype: str | None, tape: Tape) -> str:
    return operand if dtype in (None, operand.dtype) else tape.cast(operand, str(dtype))
