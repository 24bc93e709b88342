"""RotaryEmbedding from 23 to 22: Split, products with the caches, Concat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._standardized import as_dtype, computed_in, known_float
from pyonnxtool.downgrade.function_body import expanded

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class _Form:
    """Sizes of a node whose heads are known."""

    heads: int
    """0: they have an axis of their own, the second."""
    size: int
    rotated: int
    interleaved: bool


@ADAPTERS.add(("RotaryEmbedding", 23))
def rotary_embedding(node: NodeView, tape: Tape) -> Decision:
    """23 -> 22: Split, products with the caches, Concat; bfloat16 is computed in float32."""
    if (refusal := _refusal(node)) is not None:
        return refusal
    form = _form(node)
    if form is None:
        return expanded(node, tape)
    if form.rotated % 2 or not 0 < form.rotated <= form.size:
        return node.refuse(f"{form.rotated} of {form.size} elements of a head cannot be rotated")
    cache = (node["cos_cache"].shape or (None,))[-1]
    if cache not in (None, form.rotated // 2):
        return node.refuse(f"its caches hold {cache} values, not {form.rotated // 2}")
    return _rotated(node, form, tape)


def _refusal(node: NodeView) -> Refusal | None:
    x = node["X"]
    if (refusal := known_float(node, x)) is not None:
        return refusal
    if x.rank is None:
        return node.refuse_dynamic("the rank of its input")
    if x.rank not in (3, 4):
        return node.refuse(f"its input has rank {x.rank}")
    if x.rank == 3 and node.attr_int("num_heads", 0) < 1:
        return node.refuse("num_heads is missing")
    return None


def _form(node: NodeView) -> _Form | None:
    shape = node["X"].shape
    if shape is None:
        return None
    heads = node.attr_int("num_heads", 0) if len(shape) == 3 else 0
    rotated = node.attr_int("rotary_embedding_dim")
    if shape[-1] is not None:
        size = shape[-1] // heads if heads else shape[-1]
    else:
        half = (node["cos_cache"].shape or (None,))[-1]
        if rotated or half is None:
            return None
        size = 2 * half  # all of a head is rotated
    return _Form(heads, size, rotated or size, bool(node.attr_int("interleaved")))


def _rotated(node: NodeView, form: _Form, tape: Tape) -> str:
    dtype = node["X"].dtype or ""
    wide = computed_in(dtype) if dtype == "bfloat16" else dtype
    x = as_dtype(node["X"], dtype, wide, tape)
    if form.heads:
        x = tape.op("Reshape", x, tape.ints([0, 0, form.heads, form.size]))
    rest, half = form.size - form.rotated, form.rotated // 2
    kept = []
    if form.interleaved:
        if rest:
            x, *kept = _split(x, [form.rotated, rest], tape)
        pairs = tape.op("Reshape", x, tape.ints([0, 0, 0, half, 2]))
        first, second = _split(pairs, [1, 1], tape)
    else:
        first, second, *kept = _split(x, [half, half, *[rest] * bool(rest)], tape)
    cos, sin = (_cache(node, name, wide, form, tape) for name in ("cos_cache", "sin_cache"))
    real = tape.op("Sub", tape.op("Mul", cos, first), tape.op("Mul", sin, second))
    imaginary = tape.op("Add", tape.op("Mul", sin, first), tape.op("Mul", cos, second))
    if form.interleaved:
        y = tape.op("Concat", real, imaginary, axis=4)
        y = tape.op("Reshape", y, tape.ints([0, 0, 0, form.rotated]))
        if kept:
            y = tape.op("Concat", y, *kept, axis=3)
    else:
        y = tape.op("Concat", real, imaginary, *kept, axis=3)
    if form.heads:
        y = tape.op("Reshape", y, tape.ints([0, 0, form.heads * form.size]))
    return as_dtype(y, wide, dtype, tape)


def _split(value: str, sizes: list[int], tape: Tape) -> list[str]:
    """Along the last axis."""
    made = tape.many("Split", value, tape.ints(sizes), outputs=len(sizes), axis=-1)
    return list(made)


def _cache(node: NodeView, name: str, dtype: str, form: _Form, tape: Tape) -> str:
    """Cosines or sines of each position, with an axis of one for the heads."""
    value = as_dtype(node[name], node[name].dtype, dtype, tape)
    if node["position_ids"]:
        value = tape.op("Gather", value, node["position_ids"], axis=0)
    axes = [2 if form.heads else 1, *[4] * form.interleaved]
    return tape.op("Unsqueeze", value, tape.ints(axes))
