"""Shape from 15 to 14: `start` and `end` become a Slice of all sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_TO_THE_END = 2**31 - 1


@ADAPTERS.add(("Shape", 15))
def _sliced(node: NodeView, tape: Tape) -> Decision:
    """15 -> 14: `start` and `end` become a Slice of all sizes."""
    if not (node.given("start") or node.given("end")):
        return KEEP
    data, start, end = node["data"], node.attr_int("start"), node.attr_int("end", _TO_THE_END)
    rank = data.rank
    if rank is not None:
        start, end, _ = slice(start, end).indices(rank)
    if start == 0 and end >= (_TO_THE_END if rank is None else rank):
        return Edit(drop=["start", "end"])
    sizes = [size for size in (data.shape or ())[start:end] if size is not None]
    if rank is not None and len(sizes) == max(end - start, 0):
        return tape.ints(sizes)
    whole = tape.op("Shape", data)
    return tape.op("Slice", whole, tape.ints([start]), tape.ints([end]), tape.ints([0]))
