"""Causal convolution of com.microsoft, which carries what it will still need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._floats import not_float
from pyonnxtool.symbolics._sizes import size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_END = 2**31 - 1


@SYMBOLICS.add("com.microsoft::CausalConvWithState")
def causal_conv_with_state(node: NodeView, tape: Tape) -> Decision:
    """Conv of each channel after what came before, then the activation."""
    if (refusal := _refusal(node)) is not None:
        return refusal
    x, weight, bias, past = (node.arg(place) for place in range(4))
    channels, taps = size_of(weight, 0).known, size_of(weight, 2).known
    if channels is None or taps is None:
        return node.refuse_dynamic("the shape of its weights")
    last, windowed = node.attr_int("channels_last", 0), node.attr_int("state_window", 0)
    dilation = node.attr_int("dilation", 1)
    length = (taps - 1) * dilation
    before: str = past
    if past and windowed:
        before = tape.op("Squeeze", past, tape.ints([0]))
    if not past:
        sizes = tape.op("Shape", x, start=0, end=1)
        shape = tape.op("Concat", sizes, tape.ints([channels, length]), axis=0)
        before = tape.op("Expand", tape.const(np.zeros(1), x.dtype), shape)
    elif last:
        before = _channels_first(before, channels, tape)
    new = _channels_first(x, channels, tape) if last else x
    both = tape.op("Concat", before, new, axis=2)
    made = tape.op("Conv", both, weight, bias, group=channels, dilations=[dilation])
    if node.attr_str("activation", "none") != "none":
        made = tape.op("Mul", made, tape.op("Sigmoid", made))
    start = tape.ints([-length if length else _END])
    present = tape.op("Slice", both, start, tape.ints([_END]), tape.ints([2]))
    if last:
        trailing = tape.op("Shape", x, start=2)
        made, present = (
            tape.op(
                "Reshape",
                tape.op("Transpose", one, perm=[0, 2, 1]),
                tape.op("Concat", tape.op("Shape", one, start=0, end=1), size, trailing, axis=0),
            )
            for one, size in (
                (made, tape.op("Shape", x, start=1, end=2)),
                (present, tape.ints([length])),
            )
        )
    return made, tape.op("Unsqueeze", present, tape.ints([0])) if windowed else present


def _refusal(node: NodeView) -> Refusal | None:
    x, rank = node.inputs[0], node.attr_int("ndim", 1)
    activation, window = node.attr_str("activation", "none"), node.attr_int("state_window", 0)
    wrong = {
        f"ndim={rank} is not 1": rank != 1,
        f"activation={activation!r} is neither none, silu nor swish": activation
        not in ("none", "silu", "swish"),
        f"state_window={window} keeps more states than the last one": window > 1,
    }
    found = next((why for why, is_so in wrong.items() if is_so), None)
    return not_float(node, x) if found is None else node.refuse(found)


def _channels_first(value: str, channels: int, tape: Tape) -> str:
    """From (batch, length, ...) to (batch, channels, length)."""
    joined = tape.op("Reshape", value, tape.ints([0, 0, channels]))
    return tape.op("Transpose", joined, perm=[0, 2, 1])
