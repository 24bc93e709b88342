"""Rotary embeddings of com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attributes import flag
from pyonnxtool.symbolics._floats import not_float
from pyonnxtool.symbolics._sizes import Size, counted, size_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_STREAMS = 3
"""Positions in time, height and width."""


@SYMBOLICS.add("com.microsoft::RotaryEmbedding")
def rotary_embedding(node: NodeView, tape: Tape) -> Decision:
    """RotaryEmbedding, with a position for each element of each sequence."""
    x, positions, cos, sin = node.inputs[:4]
    if (refusal := _refusal(node)) is not None:
        return refusal
    heads = _heads(node)
    if isinstance(heads, str):
        return node.refuse(heads)
    rotary = node.attr_int("rotary_embedding_dim", 0)
    return tape.op(
        "RotaryEmbedding",
        x,
        cos,
        sin,
        _places(x, positions, tape),
        interleaved=int(flag(node, "interleaved")),
        num_heads=heads if x.rank == 3 else None,
        rotary_embedding_dim=rotary or None,
    )


@SYMBOLICS.add("com.microsoft::GemmaRotaryEmbedding")
def gemma_rotary_embedding(node: NodeView, tape: Tape) -> Decision:
    """Sin and Cos, then sums of products, of queries and of keys."""
    angles, *states = node.inputs[:5]
    dtype = states[0].dtype
    if dtype is None:
        return node.refuse("the element type of its states is not known")
    cos, sin = (
        tape.op("Unsqueeze", tape.cast(tape.op(one, angles), dtype), tape.ints([1]))
        for one in ("Cos", "Sin")
    )
    return [
        tape.op("Add", tape.op("Mul", state, cos), tape.op("Mul", half, sin))
        for state, half in (states[:2], states[2:])
    ]


@SYMBOLICS.add("com.microsoft::MRotaryEmbedding")
def m_rotary_embedding(node: NodeView, tape: Tape) -> Decision:
    """RotaryEmbedding by cosines and sines, each of one of three positions."""
    x, positions, cos, sin = node.inputs[:4]
    if (refusal := _refusal(node, ranks=(3,))) is not None:
        return refusal
    heads = _heads(node)
    if isinstance(heads, str):
        return node.refuse(heads)
    sections = node.attr_ints("mrope_section") or []
    if len(sections) != _STREAMS or min(sections) < 0 or node.attr_int("is_packed_batching", 0):
        return node.refuse("it is of rows without padding, or has not three sections")
    chosen = _streams_of(sections, interleaved=node.attr_int("mrope_layout", 0) == 1)
    caches = []
    for cache in (cos, sin):
        picked = tape.op("Gather", cache, positions, axis=0)
        apart = [tape.op("Gather", picked, tape.const(i, "int64"), axis=0) for i in range(_STREAMS)]
        made = apart[0]
        for i in range(1, _STREAMS):
            made = tape.op("Where", tape.const(chosen == i), apart[i], made)
        caches.append(made)
    return tape.op(
        "RotaryEmbedding",
        x,
        *caches,
        interleaved=int(flag(node, "interleaved")),
        num_heads=heads if x.rank == 3 else None,
        rotary_embedding_dim=node.attr_int("rotary_embedding_dim", 0) or None,
    )


def _streams_of(sections: list[int], *, interleaved: bool) -> NDArray[np.int64]:
    """The position (time, height or width) that each pair is rotated by."""
    if not interleaved:
        return np.repeat(np.arange(_STREAMS), sections)
    chosen = np.zeros(sum(sections), np.int64)
    for stream in range(1, _STREAMS):
        chosen[stream : sections[stream] * _STREAMS : _STREAMS] = stream
    return chosen


def _refusal(node: NodeView, ranks: tuple[int, ...] = (0, 1, 2)) -> Refusal | None:
    x, positions = node.inputs[:2]
    if (refusal := not_float(node, x)) is not None:
        return refusal
    for operand, allowed in ((x, (3, 4)), (positions, ranks)):
        if operand.rank is None:
            return node.refuse_dynamic(f"the rank of {str(operand)!r}")
        if operand.rank not in allowed:
            return node.refuse(f"{str(operand)!r} has rank {operand.rank}")
    if node.attr_float("scale", 1.0) != 1.0:
        return node.refuse("its attribute `scale` has no meaning that runtimes agree on")
    return None


def _heads(node: NodeView) -> int | str:
    """How many, or why that is not known; of 4 axes, heads have one of their own."""
    x, cos = node.inputs[0], node.inputs[2]
    heads = node.attr_int("num_heads", 0)
    rotary = node.attr_int("rotary_embedding_dim", 0)
    if heads or x.rank == 4:
        return heads
    if rotary:
        return "rotary_embedding_dim needs num_heads"
    hidden, pairs = size_of(x, 2).known, size_of(cos, 1).known
    if hidden is None or pairs is None:
        return "neither num_heads nor the sizes of its input and caches say what a head is"
    if not pairs or hidden % (2 * pairs):
        return f"heads of {2 * pairs} elements do not divide the hidden size {hidden}"
    return hidden // (2 * pairs)


def _places(x: Operand, positions: Operand, tape: Tape) -> str:
    """(batch, length): as they are given, or counted from the first one, which is given."""
    if positions.rank == 2:
        return positions
    length, batch = size_of(x, 1 if x.rank == 3 else 2), size_of(x, 0)
    first = tape.op("Reshape", positions, tape.ints([1]))
    known = positions.const
    if known is not None and known.size == 1 and length.known is not None:
        places = tape.const(np.arange(length.known, dtype=np.int64) + known.item())
    else:
        places = tape.op("Add", first, counted(length, tape))
    return tape.op("Expand", tape.op("Unsqueeze", places, tape.ints([0])), _grid(batch, tape))


def _grid(batch: Size, tape: Tape) -> str:
    return tape.op("Concat", batch.vector(tape), tape.ints([1]), axis=0)
