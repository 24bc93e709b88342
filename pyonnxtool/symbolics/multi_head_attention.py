"""MultiHeadAttention of com.microsoft, in all forms of its operands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attention import (
    HIDDEN,
    Past,
    continued,
    heads_of,
    joined,
    past_of,
    scores_of,
    weighted,
)
from pyonnxtool.symbolics._attention_mask import Frame, bias_of, mask_refusal
from pyonnxtool.symbolics._attributes import flag
from pyonnxtool.symbolics._floats import not_float
from pyonnxtool.symbolics._sizes import Size, size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape


_FORMS = ((3, 3, 3), (3, 4, 4), (3, 5, None), (5, None, None))
"""Ranks of query, key and value: plain, keys and values by heads, keys with values, all in one."""
_BY_HEADS = _FORMS[1]


@dataclass(frozen=True)
class _Part:
    """Queries, keys or values."""

    value: str
    length: Size
    size: int | None
    """Of a head."""
    order: str = ""
    """Of the axes where heads have one of their own: "bnsh" or "bsnh"."""


@SYMBOLICS.add("com.microsoft::MultiHeadAttention")
def multi_head_attention(node: NodeView, tape: Tape) -> Decision:
    """Scores of each head with the mask, Softmax, and MatMul."""
    if (refusal := _refusal(node)) is not None:
        return refusal
    parts = q, k, v = _parts(node, tape)
    heads, dtype = node.attr_int("num_heads"), node.inputs[0].dtype or ""
    biases = _split_bias(node, parts, tape)
    query, key, value = (
        _by_heads(part, bias, heads, tape) for part, bias in zip(parts, biases, strict=True)
    )
    past_k, past_v = _pasts(node, tape)
    keys, present_k = continued(past_k, key, tape)
    values, present_v = continued(past_v, value, tape)
    before = Size(0) if past_k is None else past_k.length
    frame = Frame(dtype, size_of(node.inputs[0], 0), q.length, _total(before, k, keys), before)
    added = bias_of(
        frame,
        node.arg(4),
        node.attr_float("mask_filter_value", HIDDEN),
        flag(node, "unidirectional"),
        node.arg(5),
        tape,
    )
    turned = tape.op("Transpose", keys, perm=[0, 1, 3, 2])
    scores = scores_of(query, turned, node.attr_float("scale", 0.0), q.size, dtype, tape)
    made, scores = weighted(scores, added, values, tape)
    hidden = None if v.size is None else v.size * heads
    return joined(made, hidden, tape), present_k, present_v, scores


def _total(before: Size, part: _Part, keys: str) -> Size:
    if before.known is not None and part.length.known is not None:
        return Size(before.known + part.length.known)
    return part.length if before.known == 0 else Size(None, keys, 2)


def _refusal(node: NodeView) -> Refusal | None:
    operands = [node.arg(place) for place in range(3)]
    mask = node.arg(4)
    for refusal in (not_float(node, operands[0]), mask_refusal(node, mask, range(1, 4))):
        if refusal is not None:
            return refusal
    if any(one and one.rank is None for one in operands):
        return node.refuse_dynamic("the rank of its queries, keys or values")
    ranks = tuple(one.rank if one else None for one in operands)
    heads, hidden = node.attr_int("num_heads"), size_of(operands[0], 2).known
    uneven = heads < 1 or (ranks[0] == 3 and hidden is not None and hidden % heads)
    pasts = bool(node.arg(6)), bool(node.arg(7))
    stray = pasts[0] != pasts[1] or (pasts[0] and ranks == _BY_HEADS)
    ahead = flag(node, "unidirectional") and _lengths_differ(node)
    wrong = {
        f"query, key and value of ranks {ranks} are no form that it has": ranks not in _FORMS,
        "the beams of a search are rearranged by its input `cache_indirection`": node.arg(9),
        "past_key and past_value do not go with its other inputs": stray,
        f"num_heads={heads} does not divide the hidden size {hidden}": uneven,
        "unidirectional=1 is not defined for keys of another length": ahead,
    }
    found = next((why for why, is_so in wrong.items() if is_so), None)
    return None if found is None else node.refuse(found)


def _lengths_differ(node: NodeView) -> bool:
    query, key = node.inputs[0], node.arg(1)
    if key and key.rank == 4:
        return True
    lengths = {size_of(one, 1).known for one in (query, key) if one}
    return None not in lengths and len(lengths) == 2


def _parts(node: NodeView, tape: Tape) -> tuple[_Part, _Part, _Part]:
    query, key, value = (node.arg(place) for place in range(3))
    heads = node.attr_int("num_heads")
    if not key:
        q, k, v = _unpacked(query, 3, tape)
        return q, k, v
    q = _plain(query, heads)
    if not value:
        k, v = _unpacked(key, 2, tape)
    elif key.rank == 4:
        k, v = (_Part(one, size_of(one, 2), size_of(one, 3).known, "bnsh") for one in (key, value))
    else:
        k, v = _plain(key, heads), _plain(value, heads)
    return q, k, v


def _plain(value: Operand, heads: int) -> _Part:
    hidden = size_of(value, 2).known
    return _Part(value, size_of(value, 1), None if hidden is None else hidden // heads)


def _unpacked(value: Operand, count: int, tape: Tape) -> list[_Part]:
    """Of (batch, length, heads, count, size): keys and values, or queries, keys and values."""
    each = [tape.op("Gather", value, tape.const(i, "int64"), axis=3) for i in range(count)]
    length, size = size_of(value, 1), size_of(value, 4).known
    return [_Part(one, length, size, "bsnh") for one in each]


def _split_bias(
    node: NodeView, parts: tuple[_Part, _Part, _Part], tape: Tape
) -> tuple[str, str, str]:
    """The bias of each part, with one axis; "" for none."""
    bias, heads = node.arg(3), node.attr_int("num_heads")
    if not bias:
        return "", "", ""
    hidden = [None if part.size is None else part.size * heads for part in parts]
    known = [one for one in hidden if one is not None]
    if len(known) == 3:
        q, k, v = tape.many("Split", bias, tape.ints(known), outputs=3, axis=0)
    else:
        q, k, v = tape.many("Split", bias, outputs=3, axis=0, num_outputs=3)
    return q, "" if parts[1].order == "bnsh" else k, "" if parts[2].order == "bnsh" else v


def _by_heads(part: _Part, bias: str, heads: int, tape: Tape) -> str:
    """(batch, heads, length, size), with the bias."""
    size = -1 if part.size is None else part.size
    value = part.value
    if bias:
        if part.order == "bsnh":
            bias = tape.op("Reshape", bias, tape.ints([heads, size]))
        value = tape.op("Add", value, bias)
    if part.order == "bnsh":
        return value
    if part.order == "bsnh":
        return tape.op("Transpose", value, perm=[0, 2, 1, 3])
    return heads_of(value, heads, part.size, tape)


def _pasts(node: NodeView, tape: Tape) -> tuple[Past | None, Past | None]:
    keys, values = node.arg(6), node.arg(7)
    if not keys:
        return None, None
    length, used = size_of(keys, 2), node.arg(8)
    return past_of(keys, length, used, tape), past_of(values, length, used, tape)
