"""QuantizeLinear and DequantizeLinear from 10 to 9, where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._quantized import dequantized, quantized

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("QuantizeLinear", 10))
def quantize_linear(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: Div, Floor and Ceil (halves go to the even number), Add, Clip, Cast."""
    return quantized(node, tape, node.out().dtype or node.arg(2).dtype or "uint8")


@ADAPTERS.add(("DequantizeLinear", 10))
def dequantize_linear(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: Cast, Sub, Mul."""
    return dequantized(node, tape, "float32")
