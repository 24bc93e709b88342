"""QuantizeLinear and DequantizeLinear from 24, 25 and 28 down: types that are new there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._quantized import (
    RANGES,
    STAND_INS,
    dequantized,
    in_float32,
    is_zero,
    only_dequantized,
    quantized,
    takes,
)
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_FLOATS = ("float32", "float16", "bfloat16")


@ADAPTERS.add(("QuantizeLinear", 24))
@ADAPTERS.add(("QuantizeLinear", 25))
@ADAPTERS.add(("QuantizeLinear", 28))
def quantize_linear(node: NodeView, tape: Tape) -> Decision:
    """N -> N-1: scales that are powers of two become float32, integers of 2 bits are in 8."""
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2)
    dtype = node.out().dtype or zero.dtype or "uint8"
    if not takes("QuantizeLinear", "y", dtype, tape.opset):
        if dtype not in RANGES or not only_dequantized(node):
            return node.refuse(f"there is no {dtype} before opset {node.opset}")
        tape.retyped.add(str(node.out()))
        return quantized(node, tape, dtype)
    if takes("QuantizeLinear", "y_scale", scale.dtype, tape.opset):
        return KEEP
    return Edit(inputs=[x, in_float32(scale, tape), zero])


@ADAPTERS.add(("DequantizeLinear", 24))
@ADAPTERS.add(("DequantizeLinear", 25))
@ADAPTERS.add(("DequantizeLinear", 28))
def dequantize_linear(node: NodeView, tape: Tape) -> Decision:
    """N -> N-1: scales that are powers of two become float32, constants of 2 and 6 bits wider."""
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2)
    out = node.out().dtype or scale.dtype
    if not takes("DequantizeLinear", "x", x.dtype, tape.opset):
        if x.dtype not in STAND_INS and (x.const is None or not is_zero(zero)):
            return node.refuse(f"there is no {x.dtype} before opset {node.opset}")
        return dequantized(node, tape, out)
    if takes("DequantizeLinear", "x_scale", scale.dtype, tape.opset):
        return KEEP
    if out not in _FLOATS:
        return node.refuse(f"it makes no {out}")
    inputs = [x, in_float32(scale, tape), zero]
    return Edit(inputs=inputs, attributes={"output_dtype": elem_type(out)})
