"""QAttention of com.microsoft: an attention whose projection is a product of integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attention import (
    HIDDEN,
    Past,
    continued,
    heads_of,
    joined,
    scores_of,
    weighted,
)
from pyonnxtool.symbolics._attention_mask import Frame, bias_of, mask_refusal
from pyonnxtool.symbolics._quantized import combined, named, number, numbers
from pyonnxtool.symbolics._sizes import Size, size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_X, _W, _B, _X_SCALE, _W_SCALE, _MASK, _X_ZERO, _W_ZERO, _PAST = range(9)
_FLOAT = "float32"


@SYMBOLICS.add("com.microsoft::QAttention")
def qattention(node: NodeView, tape: Tape) -> Decision:
    """MatMulInteger, scales and bias, Split into heads, Softmax of their scores, and MatMul."""
    if (refusal := _refusal(node)) is not None:
        return refusal
    x, heads, packed = node.inputs[_X], node.attr_int("num_heads"), _columns(node) or 0
    q, k, v = tape.many("Split", _projected(node, tape), outputs=3, axis=-1, num_outputs=3)
    size = packed // 3 // heads
    pasts = [_past(node, tape, place) for place in (0, 1)]
    key, values = (
        continued(past, heads_of(one, heads, size, tape), tape)[0]
        for past, one in zip(pasts, (k, v), strict=True)
    )
    keys = tape.op("Transpose", key, perm=[0, 1, 3, 2])
    query = heads_of(q, heads, size, tape)
    scores = scores_of(query, keys, node.attr_float("scale", 0.0), size, _FLOAT, tape)
    before, length = pasts[0].length if pasts[0] else Size(0), size_of(x, 1)
    known = before.known is not None and length.known is not None
    total = Size((before.known or 0) + (length.known or 0)) if known else Size(None, key, 2)
    frame = Frame(_FLOAT, size_of(x, 0), length, total, before)
    hidden = node.attr_float("mask_filter_value", HIDDEN)
    causal = bool(node.attr_int("unidirectional", 0))
    biases = bias_of(frame, node.arg(_MASK), hidden, causal, node.arg(_PAST + 1), tape)
    made = joined(weighted(scores, biases, values, tape)[0], packed // 3, tape)
    if not node.out(1):
        return made, ""
    both = (tape.op("Unsqueeze", one, tape.ints([0])) for one in (key, values))
    return made, tape.op("Concat", *both, axis=0)


def _refusal(node: NodeView) -> Refusal | None:
    heads, packed = node.attr_int("num_heads"), _columns(node)
    if packed is None:
        return node.refuse_dynamic("the shape of its weights")
    if heads < 1 or packed % (3 * heads):
        return node.refuse(f"num_heads={heads} does not divide the hidden size {packed // 3}")
    if node.attr_int("do_rotary", 0) or node.attr_int("past_present_share_buffer", 0):
        return node.refuse("do_rotary and past_present_share_buffer are not lowered")
    if node.inputs[_X_SCALE].dtype == "float16":
        return node.refuse("its scales are of float16, with which only GPUs compute it")
    return mask_refusal(node, node.arg(_MASK), range(1, 4))


def _columns(node: NodeView) -> int | None:
    """Of the weights: those of queries, keys and values."""
    return (node.inputs[_W].shape or (None,))[-1] or (node.inputs[_B].shape or (None,))[-1]


def _projected(node: NodeView, tape: Tape) -> str:
    x, w = node.inputs[_X], node.inputs[_W]
    total = tape.op("MatMulInteger", x, w, node.arg(_X_ZERO), node.arg(_W_ZERO))
    scale = combined(
        tape, "Mul", number(tape, node.inputs[_X_SCALE]), numbers(tape, node.inputs[_W_SCALE])
    )
    made = tape.op("Mul", tape.cast(total, _FLOAT), named(tape, scale))
    return tape.op("Add", made, node.inputs[_B])


def _past(node: NodeView, tape: Tape, place: int) -> Past | None:
    """Keys or values of before; None when there are none."""
    past = node.arg(_PAST)
    if not past:
        return None
    side = tape.op("Gather", past, tape.const(place, "int64"), axis=0)
    known = (past.shape or (None,) * 5)[3]
    return Past(side, Size(known, side, 2))
