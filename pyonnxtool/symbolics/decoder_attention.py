"""DecoderAttention of com.microsoft: of itself or of an encoder, by inputs that say which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._floats import not_float
from pyonnxtool.symbolics._sizes import size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_FLAGS = {8: "static_kv", 9: "use_past", 10: "has_layer_state", 11: "has_key_padding_mask"}


@SYMBOLICS.add("com.microsoft::DecoderAttention")
def decoder_attention(node: NodeView, tape: Tape) -> Decision:
    """MatMul and Add for queries, keys and values, then MultiHeadAttention, batches first."""
    query, key, weight, both, bias = node.inputs[:5]
    known = {name: node.arg(place).const for place, name in _FLAGS.items()}
    hidden, dtype = size_of(weight, 1).known, query.dtype
    if (refusal := not_float(node, query)) is not None:
        return refusal
    unknown = next((name for name, value in known.items() if value is None), None)
    if unknown is not None or hidden is None or dtype is None:
        return node.refuse_dynamic(f"`{unknown}`" if unknown else "the hidden size")
    flags = [bool(one.ravel()[0]) for one in known.values() if one is not None]
    static, past, layers, masked = flags
    heads, cached = node.attr_int("num_heads"), past and layers
    parts = tape.many("Split", bias, tape.ints([hidden, 2 * hidden]), outputs=2, axis=0)
    q = _linear(query, weight, parts[0], tape)
    before: list[str] = [node.arg(6), node.arg(7)] if cached else []
    if static and cached:
        k, v, before = before[0], before[1], []
    else:
        given = _linear(key if static else query, both, parts[1], tape)
        k, v = tape.many("Split", given, outputs=2, axis=-1, num_outputs=2)
        if not before:  # present keys and values come of what is by heads
            k, v = (_by_heads(one, heads, hidden, tape) for one in (k, v))
    mask = _mask(node.arg(5), dtype, tape) if masked else ""
    made, *presents = tape.many(
        "MultiHeadAttention",
        *(q, k, v, "", "", mask),
        *before,
        outputs=3 if before else 1,
        domain="com.microsoft",
        num_heads=heads,
    )
    return tape.op("Transpose", made, perm=[1, 0, 2]), *(presents or (k, v))


def _linear(value: str, weight: str, bias: str, tape: Tape) -> str:
    """(length, batch, hidden) projected, as (batch, length, hidden)."""
    made = tape.op("Add", tape.op("MatMul", value, weight), bias)
    return tape.op("Transpose", made, perm=[1, 0, 2])


def _by_heads(value: str, heads: int, hidden: int, tape: Tape) -> str:
    parts = tape.op("Reshape", value, tape.ints([0, 0, heads, hidden // heads]))
    return tape.op("Transpose", parts, perm=[0, 2, 1, 3])


def _mask(hidden: str, dtype: str, tape: Tape) -> str:
    """-inf for keys that are padding."""
    away, seen = tape.const(np.array(-np.inf), dtype), tape.const(0.0, dtype)
    return tape.op("Unsqueeze", tape.op("Where", hidden, away, seen), tape.ints([1, 2]))
