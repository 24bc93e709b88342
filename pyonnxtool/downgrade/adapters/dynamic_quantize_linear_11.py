"""DynamicQuantizeLinear from 11 to 10, where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._quantized import half_to_even, saturated

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("DynamicQuantizeLinear", 11))
def dynamic_quantize_linear(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: scale and zero point are computed, then QuantizeLinear.

    The scale of nothing but zeros is 1, as in onnxruntime; the function body divides 0 by 0.
    """
    x = node["x"]
    zero = tape.const(0, "float32")
    low = tape.op("Min", tape.op("ReduceMin", x, keepdims=0), zero)
    high = tape.op("Max", tape.op("ReduceMax", x, keepdims=0), zero)
    span = tape.op("Sub", high, low)
    flat = tape.cast(tape.op("Not", tape.cast(span, "bool")), "float32")
    scale = tape.op("Add", tape.op("Div", span, tape.const(255, "float32")), flat)
    start = tape.op("Sub", zero, tape.op("Div", low, scale))
    point = saturated(half_to_even(start, tape), "uint8", tape)
    return tape.op("QuantizeLinear", x, scale, point), scale, point
