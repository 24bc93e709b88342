"""Attentions of com.microsoft that decode one element at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attributes import carried
from pyonnxtool.symbolics._sizes import size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_DOMAIN = "com.microsoft"
_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_CHUNK = 16
"""Bytes of a head's elements that a reordered buffer keeps together."""


@SYMBOLICS.add("com.microsoft::DecoderMaskedMultiHeadAttention")
def decoder_masked_multi_head_attention(node: NodeView, tape: Tape) -> Decision:
    """MultiHeadAttention of one query, with its past in the order that CPUs have."""
    if (refusal := _refusal(node, 9)) is not None:
        return refusal
    query, key, value, mask, added = (node.arg(place) for place in range(5))
    q, k, v = (str(one) for one in (query, key, value))
    if not key:
        q, k, v = tape.many("Split", query, outputs=3, axis=-1, num_outputs=3)
    shared = node.attr_int("past_present_share_buffer", 0)
    wanted = [bool(node.out(place)) for place in range(4)]
    return tape.many(
        "MultiHeadAttention",
        q,
        k,
        v,
        node.arg(10),
        mask,
        added,
        node.arg(5),
        node.arg(6),
        node.arg(7) if shared else "",
        outputs=wanted,
        domain=_DOMAIN,
        **carried(node, {"past_present_share_buffer", "output_qk"}),
    )


@SYMBOLICS.add("com.microsoft::DecoderMaskedSelfAttention")
def decoder_masked_self_attention(node: NodeView, tape: Tape) -> Decision:
    """Attention of one query, with the keys of its past put in order and back."""
    past, x = node.arg(4), node.inputs[0]
    if (refusal := _refusal(node, 8)) is not None:
        return refusal
    chunk = _chunk(node) if node.attr_int("past_present_share_buffer", 0) else 0
    if not isinstance(chunk, int):
        return chunk
    count = (size_of(past, 4).known or 0) // chunk if chunk else 0
    ordered = _keys_turned(node, past, [count, -1, chunk], tape) if chunk else past
    made, present = tape.many(
        "Attention",
        *(x, node.arg(1), node.arg(2), node.arg(3), ordered, node.arg(5)),
        node.arg(6) if chunk else "",
        outputs=2,
        domain=_DOMAIN,
        **carried(node, ()),
    )
    if not chunk or not node.out(1):
        return made, present
    return made, _keys_turned(node, present, [-1, count, chunk], tape)


def _chunk(node: NodeView) -> int | Refusal:
    """How many elements of a key a buffer keeps together."""
    dtype, size = node.inputs[0].dtype, size_of(node.arg(4), 4).known
    if dtype not in _BYTES or size is None:
        return node.refuse_dynamic("the element type, or the size of a head,")
    chunk = _CHUNK // _BYTES[dtype]
    if size % chunk:
        return node.refuse(f"heads of {size} elements do not fill {_CHUNK} bytes each")
    return chunk


def _keys_turned(node: NodeView, both: str, apart: list[int], tape: Tape) -> str:
    """Keys and values; each head of the keys is of the shape `apart`, its first two axes turned."""
    heads, size = node.attr_int("num_heads"), size_of(node.arg(4), 4).known or 0
    keys, values = (tape.op("Gather", both, tape.const(i, "int64"), axis=0) for i in (0, 1))
    split = tape.op("Reshape", keys, tape.ints([0, heads, *apart]))
    turned = tape.op("Transpose", split, perm=[0, 1, 3, 2, 4])
    joined = tape.op("Reshape", turned, tape.ints([0, heads, -1, size]))
    parts = [tape.op("Unsqueeze", one, tape.ints([0])) for one in (joined, values)]
    return tape.op("Concat", *parts, axis=0)


def _refusal(node: NodeView, beams: int) -> Refusal | None:
    if node.arg(beams):
        return node.refuse("the beams of a search are rearranged by its input `cache_indirection`")
    return None
