"""Attention of com.microsoft, with the projection of its input."""

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
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class _Form:
    heads: int
    hidden: int | None
    """Of queries and keys each."""
    values: int | None
    """Of values."""

    @property
    def size(self) -> int | None:
        """Of a head of queries and keys."""
        return None if self.hidden is None else self.hidden // self.heads

    @property
    def value_size(self) -> int | None:
        """Of a head of values."""
        return None if self.values is None else self.values // self.heads


@SYMBOLICS.add("com.microsoft::Attention")
def attention(node: NodeView, tape: Tape) -> Decision:
    """MatMul and Split into heads, their scores with the mask, Softmax, and MatMul."""
    if (refusal := _refusal(node)) is not None:
        return refusal
    form = _form(node)
    if not isinstance(form, _Form):
        return form
    q, k, v = _projected(node, form, tape)
    query = heads_of(q, form.heads, form.size, tape)
    past_k, past_v = _pasts(node, tape)
    if past_k is None and not node.out(1):
        keys, present = heads_of(k, form.heads, form.size, tape, "bnhs"), ""
        values = heads_of(v, form.heads, form.value_size, tape)
        total = size_of(node.inputs[0], 1)
    else:
        key, kept_k = continued(past_k, heads_of(k, form.heads, form.size, tape), tape)
        values, kept_v = continued(past_v, heads_of(v, form.heads, form.value_size, tape), tape)
        keys, total = tape.op("Transpose", key, perm=[0, 1, 3, 2]), Size(None, key, 2)
        axis = tape.ints([0])
        both = [tape.op("Unsqueeze", each, axis) for each in (kept_k, kept_v)]
        present = tape.op("Concat", *both, axis=0) if node.out(1) else ""
    biases = _biases(node, past_k, total, tape)
    scale, dtype = node.attr_float("scale", 0.0), node.inputs[0].dtype or ""
    scores = scores_of(query, keys, scale, form.size, dtype, tape)
    return joined(weighted(scores, biases, values, tape)[0], form.values, tape), present


def _refusal(node: NodeView) -> Refusal | None:
    x, mask = node.inputs[0], node.arg(3)
    if (refusal := not_float(node, x) or mask_refusal(node, mask, range(1, 5))) is not None:
        return refusal
    if x.rank not in (3, None):
        return node.refuse(f"its input has rank {x.rank}, not 3")
    if flag(node, "do_rotary"):
        return node.refuse(
            "do_rotary=1 rotates by angles that only some kernels of onnxruntime know",
            "optimize the original model without that fusion",
        )
    if node.attr_int("past_present_share_buffer", 0) and not node.arg(6):
        return node.refuse("past_present_share_buffer=1 needs its input `past_sequence_length`")
    return None


def _form(node: NodeView) -> _Form | Refusal:
    heads = node.attr_int("num_heads")
    given = node.attr_ints("qkv_hidden_sizes")
    packed = (node.inputs[1].shape or (None,))[-1] or (node.arg(2).shape or (None,))[-1]
    each = None if packed is None else packed // 3
    sizes: list[int | None] = [*given] if given else [each] * 3
    if len(sizes) != 3 or sizes[0] != sizes[1]:
        return node.refuse(f"qkv_hidden_sizes={given} are not those of Q, K and V, Q and K alike")
    if heads < 1 or any(size is not None and size % heads for size in sizes):
        return node.refuse(f"num_heads={heads} does not divide the hidden size {sizes[0]}")
    if packed is not None and packed != sum(size or 0 for size in sizes):
        return node.refuse(f"{packed} columns of weights are not those of Q, K and V")
    return _Form(heads, sizes[0], sizes[2])


def _projected(node: NodeView, form: _Form, tape: Tape) -> tuple[str, ...]:
    """Queries, keys and values, before they are split into heads."""
    packed = tape.op("MatMul", node.inputs[0], node.inputs[1])
    if node.arg(2):
        packed = tape.op("Add", packed, node.arg(2))
    if form.hidden is None or form.values is None:
        return tape.many("Split", packed, outputs=3, axis=-1, num_outputs=3)
    sizes = tape.ints([form.hidden, form.hidden, form.values])
    return tape.many("Split", packed, sizes, outputs=3, axis=-1)


def _pasts(node: NodeView, tape: Tape) -> tuple[Past | None, Past | None]:
    past = node.arg(4)
    if not past:
        return None, None
    shared = node.arg(6) if node.attr_int("past_present_share_buffer", 0) else node.arg(7)
    known = (past.shape or (None,) * 5)[3]
    sides = []
    for place in (0, 1):
        side = tape.op("Gather", past, tape.const(place, "int64"), axis=0)
        sides.append(past_of(side, Size(known, side, 2), shared, tape))
    return sides[0], sides[1]


def _biases(node: NodeView, past: Past | None, total: Size, tape: Tape) -> list[str]:
    x = node.inputs[0]
    queries = size_of(x, 1)
    before = Size(0) if past is None else past.length
    if before.known is not None and queries.known is not None:
        total = Size(before.known + queries.known)
    frame = Frame(x.dtype or "", size_of(x, 0), queries, total, before)
    hidden = node.attr_float("mask_filter_value", HIDDEN)
    causal = flag(node, "unidirectional")
    return bias_of(frame, node.arg(3), hidden, causal, node.arg(5), tape)
