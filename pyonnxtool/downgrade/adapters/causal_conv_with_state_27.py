"""CausalConvWithState from 27 to 26: Conv of each channel, padded at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._standardized import as_dtype, computed_in, known_float
from pyonnxtool.downgrade.function_body import expanded

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("CausalConvWithState", 27))
def causal_conv_with_state(node: NodeView, tape: Tape) -> Decision:
    """27 -> 26: Concat or padding, Conv, Slice; bfloat16 is computed in float32."""
    x, weight = node["input"], node["weight"]
    if (refusal := known_float(node, x)) is not None:
        return refusal
    activation = node.attr_str("activation")
    if activation not in ("none", "silu", "swish"):
        return node.refuse(f"activation={activation} is none that it has")
    channels, _, size = weight.shape if weight.rank == 3 and weight.shape else (None,) * 3
    if channels is None or size is None:
        return expanded(node, tape)
    dtype = x.dtype or ""
    wide = computed_in(dtype) if dtype == "bfloat16" else dtype
    padded, pads = _padded(node, size, tape)
    operands = [as_dtype(one, dtype, wide, tape) for one in (padded, weight)]
    if node["bias"]:
        operands.append(as_dtype(node["bias"], dtype, wide, tape))
    y = tape.op("Conv", *operands, group=channels, pads=pads)
    made = [_activated(y, activation, (wide, dtype), tape)]
    if node.out(1):
        places = [0, 0] if size == 1 else [1 - size, (1 << 63) - 1]
        bounds = [tape.ints([one]) for one in places]
        made.append(tape.op("Slice", padded, *bounds, tape.ints([2])))
    return made


def _padded(node: NodeView, size: int, tape: Tape) -> tuple[str, list[int] | None]:
    """The input with what came before it, or the padding that Conv is to add instead."""
    x, past = node["input"], node["past_state"]
    if past:
        return tape.op("Concat", past, x, axis=2), None
    length = (x.shape or (None,))[-1]
    if not node.out(1) or (length is not None and length >= size - 1):
        return x, [size - 1, 0]
    return tape.op("Pad", x, tape.ints([0, 0, size - 1, 0, 0, 0])), None


def _activated(value: str, activation: str, dtypes: tuple[str, str], tape: Tape) -> str:
    """In float32, where that is wider."""
    given, wanted = dtypes
    if activation == "none":
        return as_dtype(value, given, wanted, tape)
    wide = computed_in(given)
    value = as_dtype(value, given, wide, tape)
    return as_dtype(tape.op("Mul", value, tape.op("Sigmoid", value)), wide, wanted, tape)
