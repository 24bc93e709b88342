"""QuantizeLinear and DequantizeLinear from 19 to 18, where scales are float32 and no float8 is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._quantized import RANGES, dequantized, in_float32, is_zero
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("QuantizeLinear", 19))
def quantize_linear(node: NodeView, tape: Tape) -> Decision:
    """19 -> 18: float16, bfloat16 and their scales become float32, in which is divided."""
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2)
    dtype = node.out().dtype or zero.dtype or "uint8"
    if dtype not in RANGES:
        return node.refuse(f"there is no {dtype} before opset 19")
    value = str(x) if x.dtype in (None, "float32", "int32") else tape.cast(x, "float32")
    return Edit(drop=["saturate"], inputs=[value, in_float32(scale, tape), zero])


@ADAPTERS.add(("DequantizeLinear", 19))
def dequantize_linear(node: NodeView, tape: Tape) -> Decision:
    """19 -> 18: float16 and bfloat16 are made of float32, in which is multiplied."""
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2)
    if x.dtype is not None and x.dtype.startswith("float"):
        if x.const is None or not is_zero(zero):
            return node.refuse(f"there is no {x.dtype} before opset 19")
        return dequantized(node, tape, scale.dtype)
    if scale.dtype in (None, "float32"):
        return KEEP
    axis = node.attributes.get("axis")
    made = tape.op("DequantizeLinear", x, in_float32(scale, tape), zero, axis=axis)
    return tape.cast(made, str(scale.dtype))
