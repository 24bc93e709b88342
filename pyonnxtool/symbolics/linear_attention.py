"""Linear attention of com.microsoft, with its gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attributes import carried
from pyonnxtool.symbolics._floats import as_dtype, not_float
from pyonnxtool.symbolics._sizes import size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::LinearAttention")
def linear_attention(node: NodeView, tape: Tape) -> Decision:
    """LinearAttention of ai.onnx, of as many heads of queries as of keys where those are fewer."""
    query, key, value, past, decay, beta = (node.arg(place) for place in range(6))
    heads, kv_heads = node.attr_int("q_num_heads"), node.attr_int("kv_num_heads")
    window = node.attr_int("state_window", 0)
    if window > 1:
        return node.refuse(f"state_window={window} keeps more states than the last one")
    q: str = query
    if None in (size_of(one, 2).known for one in (query, key, value)):
        return node.refuse_dynamic("the size of a head")
    if kv_heads > heads:
        hidden = size_of(query, 2).known or 0
        if heads < 1 or kv_heads % heads or hidden % heads:
            return node.refuse(f"{heads} heads of queries do not divide {kv_heads} of keys")
        size = hidden // heads
        apart = tape.op("Reshape", query, tape.ints([0, 0, heads, 1, size]))
        several = tape.op("Expand", apart, tape.ints([1, 1, 1, kv_heads // heads, 1]))
        q = tape.op("Reshape", several, tape.ints([0, 0, kv_heads * size]))
        heads = kv_heads
    zero = tape.ints([0])
    state = tape.op("Squeeze", past, zero) if past and window else past
    output, present = tape.many(
        "LinearAttention",
        *(q, key, value, state, decay, beta),
        outputs=2,
        **{**carried(node, {"state_window"}), "q_num_heads": heads},
    )
    return output, tape.op("Unsqueeze", present, zero) if window else present


@SYMBOLICS.add("com.microsoft::LinearAttentionGate")
def linear_attention_gate(node: NodeView, tape: Tape) -> Decision:
    """Add, Softplus and Mul in float32 for the decay, Sigmoid for the rate."""
    a, bias, scale, b = (node.arg(place) for place in range(4))
    if (refusal := not_float(node, a)) is not None:
        return refusal
    dtype = a.dtype or ""
    summed = tape.op("Add", as_dtype(a, dtype, "float32", tape), bias)
    decay = as_dtype(tape.op("Mul", tape.op("Softplus", summed), scale), "float32", dtype, tape)
    if not b:
        return decay, ""
    rate = tape.op("Sigmoid", as_dtype(b, dtype, "float32", tape))
    return decay, as_dtype(rate, "float32", dtype, tape)
