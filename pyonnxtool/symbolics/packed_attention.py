"""Attentions of com.microsoft over rows without padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attributes import carried
from pyonnxtool.symbolics._padding import first_rows, rows_of
from pyonnxtool.symbolics._sizes import size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_DOMAIN = "com.microsoft"
_HIDDEN = float(np.finfo(np.float32).min)
"""Of keys that are padding: rows without padding do not see them at all."""


@SYMBOLICS.add("com.microsoft::PackedAttention")
def packed_attention(node: NodeView, tape: Tape) -> Decision:
    """RestorePadding, Attention that does not see padding, and Gather."""
    x, weights, bias, offsets, ends, added = (node.arg(place) for place in range(6))
    padded = tape.op("RestorePadding", x, offsets, domain=_DOMAIN)
    attributes = {**carried(node, ()), "mask_filter_value": _HIDDEN}
    lengths = _lengths(ends, tape)
    made = tape.op(
        "Attention", padded, weights, bias, lengths, "", added, domain=_DOMAIN, **attributes
    )
    return _packed(made, offsets, x, tape)


@SYMBOLICS.add("com.microsoft::PackedMultiHeadAttention")
def packed_multi_head_attention(node: NodeView, tape: Tape) -> Decision:
    """RestorePadding, MultiHeadAttention that does not see padding, and Gather."""
    query, key, value, bias, offsets, ends, added = (node.arg(place) for place in range(7))
    if query.rank not in (2, 4):
        found = "an unknown rank" if query.rank is None else f"rank {query.rank}"
        return node.refuse(f"its queries have {found}, not 2 or 4")
    if query.rank == 4:
        size, heads = size_of(query, 3).known, node.attr_int("num_heads")
        if size is None:
            return node.refuse_dynamic("the size of a head")
        rows = tape.op("Reshape", query, tape.ints([-1, heads * 3 * size]))
        flat = tape.op("RestorePadding", rows, offsets, domain=_DOMAIN)
        parts = [tape.op("Reshape", flat, tape.ints([0, 0, heads, 3, size])), "", ""]
    else:
        parts = [
            tape.op("RestorePadding", one, offsets, domain=_DOMAIN) for one in (query, key, value)
        ]
    made = tape.op(
        "MultiHeadAttention",
        *parts,
        bias,
        _lengths(ends, tape),
        added,
        domain=_DOMAIN,
        **{**carried(node, ()), "mask_filter_value": _HIDDEN},
    )
    return _packed(made, offsets, query, tape)


def _lengths(ends: str, tape: Tape) -> str:
    """Of each sequence, from where each ends, which begins with 0."""
    zero, one = tape.ints([0]), tape.ints([1])
    later = tape.op("Slice", ends, one, tape.ints([2**31 - 1]), zero)
    return tape.op("Sub", later, tape.op("Slice", ends, zero, tape.ints([-1]), zero))


def _packed(made: str, offsets: str, given: str, tape: Tape) -> str:
    """The rows of `made` that were given."""
    return tape.op("Gather", rows_of(made, tape), first_rows(offsets, given, tape), axis=0)
