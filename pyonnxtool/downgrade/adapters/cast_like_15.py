"""CastLike from 15 to 14: Cast to the element type of the other operand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


_FOLDED = 64
"""Constants of so many elements are converted at once."""


@ADAPTERS.add(("CastLike", 15))
def cast_like(node: NodeView, tape: Tape) -> Decision:
    """15 -> 14: Cast to the element type of the other operand."""
    dtype = node["target_type"].dtype or node.out().dtype
    if dtype is None:
        return node.refuse("the element type of `target_type` is not known")
    value = node["input"]
    if value.dtype == dtype:
        return value
    known = value.const if value.dtype != "string" and dtype != "string" else None
    if known is not None and known.size <= _FOLDED and known.dtype.kind != "V":
        return tape.const(known.astype(numpy_dtype(dtype)))
    return tape.cast(value, dtype)
