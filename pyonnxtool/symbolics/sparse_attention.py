"""SparseAttention of com.microsoft: GroupQueryAttention that sees some blocks of keys alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attributes import carried
from pyonnxtool.symbolics._floats import not_float
from pyonnxtool.symbolics._sizes import Size, counted, size_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_DOMAIN = "com.microsoft"


@SYMBOLICS.add("com.microsoft::SparseAttention")
def sparse_attention(node: NodeView, tape: Tape) -> Decision:
    """GroupQueryAttention with a bias of -inf where a block of keys is not seen."""
    query, key, value, past_k, past_v, rows, columns, total, lengths = (
        node.arg(place) for place in range(9)
    )
    if (refusal := not_float(node, query)) is not None:
        return refusal
    ends, places = rows.const, columns.const
    if ends is None or places is None:
        return node.refuse_dynamic("which blocks it sees")
    heads, layouts = node.attr_int("num_heads"), len(ends)
    if ends.ndim != 2 or places.ndim != 2 or not layouts or heads % layouts:
        return node.refuse(f"its blocks are no layouts of which {heads} heads have one each")
    bias = _bias(node, _seen(ends, places), total, tape)
    several = tape.op("Tile", bias, tape.ints([1, heads // layouts, 1, 1]))
    one = tape.const(1, lengths.dtype or "int32")
    attributes = carried(node, {"sparse_block_size"})
    made, *presents = tape.many(
        "GroupQueryAttention",
        *(query, key, value, past_k, past_v, tape.op("Sub", lengths, one), total),
        *(node.arg(9), node.arg(10), "", several),
        outputs=3,
        domain=_DOMAIN,
        **attributes,
    )
    filled = _filled(node, tape)
    pasts = zip(presents, (past_k, past_v), strict=True)
    return made, *(tape.op("Where", filled, present, past) for present, past in pasts)


def _filled(node: NodeView, tape: Tape) -> str:
    """Rows of the buffers up to the new ones: (batch, 1, rows, 1). The others stay as they are."""
    new = size_of(node.inputs[0], 1).vector(tape)
    ends = tape.op("Add", _before(node, tape), new)
    places = counted(size_of(node.arg(3), 2), tape)
    return tape.op("Unsqueeze", tape.op("Less", places, ends), tape.ints([1, 3]))


def _before(node: NodeView, tape: Tape) -> str:
    """How many keys each sequence has had: (batch, 1)."""
    new = size_of(node.inputs[0], 1).vector(tape)
    used = tape.op("Sub", tape.cast(node.arg(8), "int64"), new)
    return tape.op("Unsqueeze", tape.op("Max", used, tape.ints([0])), tape.ints([1]))


def _seen(ends: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which blocks of keys (last axis) a block of queries sees, of each layout."""
    layouts, count = len(ends), ends.shape[1] - 1
    seen = np.zeros((layouts, count, count), bool)
    for layout, row in np.ndindex(layouts, count):
        seen[layout, row, places[layout, ends[layout, row] : ends[layout, row + 1]]] = True
    return seen


def _bias(node: NodeView, seen: NDArray[np.bool_], total: str, tape: Tape) -> str:
    """(batch, layouts, queries, keys)."""
    query = node.inputs[0]
    new, size = size_of(query, 1), tape.const(node.attr_int("sparse_block_size"), "int64")
    longest = Size(None, tape.op("Reshape", tape.cast(total, "int64"), tape.ints([1])))
    rows = tape.op("Div", tape.op("Add", _before(node, tape), counted(new, tape)), size)
    last = tape.const(seen.shape[1] - 1, "int64")
    table = tape.const(np.where(seen, 0.0, -np.inf), query.dtype)
    by_query = tape.op("Gather", table, tape.op("Min", rows, last), axis=1)
    columns = tape.op("Div", counted(longest, tape), size)
    by_key = tape.op("Gather", by_query, tape.op("Min", columns, last), axis=3)
    return tape.op("Transpose", by_key, perm=[1, 0, 2, 3])
