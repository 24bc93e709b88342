"""QuantizeLinear and DequantizeLinear from 21 to 20: no blocks, and integers are of 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._quantized import (
    STAND_INS,
    dequantized,
    no_zero,
    only_dequantized,
    quantized,
    stand_in,
    takes,
)
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_NEW = ("block_size", "output_dtype")


@ADAPTERS.add(("QuantizeLinear", 21))
def quantize_linear(node: NodeView, tape: Tape) -> Decision:
    """21 -> 20: blocks become an axis of their own, 16 bits and less are cut to their range."""
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2)
    dtype = node.out().dtype or zero.dtype or "uint8"
    if dtype in STAND_INS and not only_dequantized(node):
        return node.refuse(f"there is no {dtype} before opset 21")
    if dtype in STAND_INS:
        tape.retyped.add(str(node.out()))
    if node.attr_int("block_size") or not takes("QuantizeLinear", "y", dtype, tape.opset):
        return quantized(node, tape, dtype)
    if zero or dtype == "uint8":
        return Edit(drop=_NEW)
    return Edit(drop=_NEW, inputs=[x, scale, no_zero(scale, dtype, tape)])


@ADAPTERS.add(("DequantizeLinear", 21))
def dequantize_linear(node: NodeView, tape: Tape) -> Decision:
    """21 -> 20: blocks become an axis of their own, 16 bits go through float32, 4 are in 8."""
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2)
    if node.attr_int("block_size") or x.dtype in ("int16", "uint16"):
        return dequantized(node, tape, scale.dtype)
    if x.dtype in STAND_INS:
        return Edit(drop=_NEW, inputs=[stand_in(x, tape), scale, stand_in(zero, tape)])
    return Edit(drop=_NEW)
