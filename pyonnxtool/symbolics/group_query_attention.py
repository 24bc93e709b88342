"""GroupQueryAttention of com.microsoft: attention of language models, with its cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attention import heads_of, joined, scores_of
from pyonnxtool.symbolics._attributes import flag
from pyonnxtool.symbolics._floats import not_float
from pyonnxtool.symbolics._grouped_cache import Cache, cache_of, kept
from pyonnxtool.symbolics._sizes import Size, counted, size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_EPSILON = 1e-6
_SMALL = 1 << 16
"""Elements of a mask that is written out."""


@dataclass(frozen=True)
class _Form:
    node: NodeView
    heads: int
    kv_heads: int
    size: int
    """Of a head."""
    dtype: str

    @property
    def causal(self) -> bool:
        """Whether a query sees no key after it."""
        return bool(self.node.attr_int("causal", 1))

    @property
    def window(self) -> int:
        """How many keys a query sees, itself included; less than 1: all."""
        return self.node.attr_int("local_window_size", -1)


@SYMBOLICS.add("com.microsoft::GroupQueryAttention")
def group_query_attention(node: NodeView, tape: Tape) -> Decision:
    """Rotated queries and keys, the cache by positions, scores in a window, Softmax, MatMul."""
    if (refusal := _refusal(node)) is not None:
        return refusal
    form = _form(node)
    if not isinstance(form, _Form):
        return form
    query, past_k, past_v = node.inputs[0], node.arg(3), node.arg(4)
    lengths = tape.op("Add", tape.cast(node.inputs[5], "int64"), tape.ints([1]))
    total = tape.op("Reshape", tape.cast(node.inputs[6], "int64"), tape.ints([1]))
    batch, new = size_of(query, 0), size_of(query, 1)
    cache = cache_of(past_k, batch, new, lengths, total, tape)
    q, k, v = _by_heads(form, tape)
    q, k = _normalized(form, q, k, tape)
    if flag(node, "do_rotary"):
        places = _places(node, cache, batch, new, tape)
        q, k = (_rotated(node, form, each, places, tape) for each in (q, k))
    present_k = kept(cache, past_k, k, form.dtype, tape)
    present_v = kept(cache, past_v, v, form.dtype, tape)
    keys, values = present_k, present_v
    if past_k and (node.arg(10) or node.out(3)):  # which have as many keys as are in use
        keys, values = (_first(each, total, tape) for each in (keys, values))
        cache = Cache(cache.used, Size(None, total))
    turned = tape.op("Transpose", _repeated(form, keys, tape), perm=[0, 1, 3, 2])
    scale = node.attr_float("scale", 0.0)
    scores = scores_of(q, turned, scale, form.size, form.dtype, tape)
    weights, shown = _weights(form, scores, _seen(form, cache, new, lengths, tape), tape)
    made = tape.op("MatMul", weights, _repeated(form, values, tape))
    return joined(made, form.heads * form.size, tape), present_k, present_v, shown


def _refusal(node: NodeView) -> Refusal | None:
    query, key, value, past_k, past_v, lengths, total = (node.arg(place) for place in range(7))
    if (refusal := not_float(node, query)) is not None:
        return refusal
    pairs = (
        (key, value),
        (past_k, past_v),
        (node.arg(7), node.arg(8)),
        (node.arg(14), node.arg(15)),
    )
    kinds = [node.attr_str(name, "NONE") for name in ("k_quant_type", "v_quant_type")]
    packed = [one.dtype for one in (past_k, past_v) if one and one.dtype != query.dtype]
    rotary = flag(node, "do_rotary")
    wrong = {
        "its lengths are omitted": not lengths or not total,
        "of two inputs that go together one is omitted": any(bool(a) != bool(b) for a, b in pairs),
        "its cache is quantized": kinds != ["NONE", "NONE"] or packed,
        "sliding_window_cache=1 moves the rows of its cache": node.attr_int(
            "sliding_window_cache", 0
        ),
        "do_rotary=1 needs cosines and sines": rotary and not node.arg(7),
    }
    found = next((why for why, is_so in wrong.items() if is_so), None)
    return None if found is None else node.refuse(found)


def _form(node: NodeView) -> _Form | Refusal:
    heads, kv_heads = node.attr_int("num_heads"), node.attr_int("kv_num_heads")
    query = node.inputs[0]
    if heads < 1 or kv_heads < 1 or heads % kv_heads:
        return node.refuse(f"{heads} heads of queries are no multiple of {kv_heads} of keys")
    hidden, count = size_of(query, 2).known, heads if node.arg(1) else heads + 2 * kv_heads
    size = hidden // count if hidden is not None else size_of(node.arg(3), 3).known
    if size is None:
        return node.refuse_dynamic("the size of a head")
    if hidden is not None and hidden % count:
        return node.refuse(f"{count} heads do not divide the hidden size {hidden}")
    return _Form(node, heads, kv_heads, size, query.dtype or "")


def _by_heads(form: _Form, tape: Tape) -> tuple[str, str, str]:
    query, key, value = (form.node.arg(place) for place in range(3))
    if key:
        q = heads_of(query, form.heads, form.size, tape)
        k, v = (heads_of(each, form.kv_heads, form.size, tape) for each in (key, value))
        return q, k, v
    packed = heads_of(query, form.heads + 2 * form.kv_heads, form.size, tape)
    counts = tape.ints([form.heads, form.kv_heads, form.kv_heads])
    q, k, v = tape.many("Split", packed, counts, outputs=3, axis=1)
    return q, k, v


def _normalized(form: _Form, q: str, k: str, tape: Tape) -> tuple[str, str]:
    """Each head by its mean square, where there are weights for that."""
    weights = form.node.arg(14), form.node.arg(15)
    if not weights[0]:
        return q, k
    epsilon = form.node.attr_float("qk_norm_epsilon", _EPSILON)
    first, second = (
        tape.op("RMSNormalization", each, weight, axis=-1, epsilon=epsilon)
        for each, weight in zip((q, k), weights, strict=True)
    )
    return first, second


def _places(node: NodeView, cache: Cache, batch: Size, new: Size, tape: Tape) -> str:
    """The position of each new element: (batch, length)."""
    if node.arg(9):
        return node.arg(9)
    steps = counted(new, tape)
    if cache.used:
        return tape.op("Add", steps, cache.used)
    shape = tape.op("Concat", batch.vector(tape), tape.ints([1]), axis=0)
    return tape.op("Expand", tape.op("Unsqueeze", steps, tape.ints([0])), shape)


def _rotated(node: NodeView, form: _Form, value: str, places: str, tape: Tape) -> str:
    pairs = size_of(node.arg(7), 1).known
    return tape.op(
        "RotaryEmbedding",
        value,
        node.arg(7),
        node.arg(8),
        places,
        interleaved=int(flag(node, "rotary_interleaved")),
        rotary_embedding_dim=2 * pairs if pairs and 2 * pairs < form.size else None,
    )


def _first(value: str, count: str, tape: Tape) -> str:
    """So many rows of keys or values."""
    return tape.op("Slice", value, tape.ints([0]), count, tape.ints([2]))


def _repeated(form: _Form, value: str, tape: Tape) -> str:
    """Keys or values for each head of queries."""
    times = form.heads // form.kv_heads
    if times == 1:
        return value
    apart = tape.op("Unsqueeze", value, tape.ints([2]))
    several = tape.op("Expand", apart, tape.ints([1, 1, times, 1, 1]))
    return tape.op("Reshape", several, tape.ints([0, form.heads, -1, form.size]))


def _seen(form: _Form, cache: Cache, new: Size, lengths: str, tape: Tape) -> str:
    """Which keys a query sees: bools that broadcast with (batch, heads, queries, keys)."""
    count = None if cache.used else new.known
    if form.causal and count is not None and count**2 <= _SMALL:
        after = np.subtract.outer(np.arange(count), np.arange(count))
        return tape.const((after >= 0) & (after < form.window if form.window > 0 else True))
    places = counted(cache.length, tape)
    if not form.causal:
        return tape.op("Less", places, tape.op("Unsqueeze", lengths, tape.ints([1, 2, 3])))
    rows = counted(new, tape)
    if cache.used:
        rows = tape.op("Unsqueeze", tape.op("Add", rows, cache.used), tape.ints([1, 3]))
    else:
        rows = tape.op("Unsqueeze", rows, tape.ints([1]))
    seen = tape.op("LessOrEqual", places, rows)
    if form.window < 1:
        return seen
    first = tape.op("Sub", rows, tape.ints([form.window]))
    return tape.op("And", seen, tape.op("Greater", places, first))


def _weights(form: _Form, scores: str, seen: str, tape: Tape) -> tuple[str, str]:
    """The weights of the values, and the scores or weights that the node shows."""
    node, shown = form.node, ""
    cap = node.attr_float("softcap", 0.0)
    if cap > 0:
        bound = tape.const(cap, form.dtype)
        scores = tape.op("Mul", tape.op("Tanh", tape.op("Div", scores, bound)), bound)
    if node.arg(10):
        scores = tape.op("Add", scores, node.arg(10))
    if node.out(3) and node.attr_int("qk_output", 0) == 1:
        shown = tape.op("Where", seen, scores, tape.const(0.0, form.dtype))
    scores = tape.op("Where", seen, scores, tape.const(-np.inf, form.dtype))
    weights = _softmax(form, scores, tape)
    return weights, shown or weights


def _softmax(form: _Form, scores: str, tape: Tape) -> str:
    """With one more score in the sum, of each head's own or 0, where the node has that."""
    sink = form.node.arg(11)
    if not sink and not form.node.attr_int("smooth_softmax", 0):
        return tape.op("Softmax", scores, axis=-1)
    extra = sink or tape.const(np.zeros(form.heads), form.dtype)
    column = tape.op("Unsqueeze", extra, tape.ints([0, 2, 3]))
    sizes = tape.op("Concat", tape.op("Shape", scores, end=3), tape.ints([1]), axis=0)
    both = tape.op("Concat", scores, tape.op("Expand", column, sizes), axis=3)
    weights = tape.op("Softmax", both, axis=-1)
    return tape.op("Slice", weights, tape.ints([0]), tape.ints([-1]), tape.ints([3]))
