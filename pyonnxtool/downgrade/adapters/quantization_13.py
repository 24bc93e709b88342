"""QuantizeLinear and DequantizeLinear from 13 to 12, where one scale is for the whole tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._quantized import Spread, dequantized, quantized, spread_of
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("QuantizeLinear", 13))
def quantize_linear(node: NodeView, tape: Tape) -> Decision:
    """13 -> 12: `axis` goes; scales for each channel become a Div, and one scale of 1 stays."""
    whole = _of_the_whole(node, tape)
    return whole or quantized(node, tape, node.out().dtype or node.arg(2).dtype or "uint8")


@ADAPTERS.add(("DequantizeLinear", 13))
def dequantize_linear(node: NodeView, tape: Tape) -> Decision:
    """13 -> 12: `axis` goes; scales for each channel become Cast, Sub, Mul."""
    return _of_the_whole(node, tape) or dequantized(node, tape, "float32")


def _of_the_whole(node: NodeView, tape: Tape) -> Edit | None:
    """The node with scale and zero point of no axes, when there is one for all elements."""
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2)
    spread = spread_of(node, x, scale)
    if not isinstance(spread, Spread) or spread.axis is not None:
        return None
    inputs = [str(x)] + [
        spread.over(one, x, tape, str(one.dtype)) if one.rank else str(one) for one in (scale, zero)
    ]
    return Edit(drop=["axis"], inputs=inputs)
