"""Gather from 11 to 10: indices count from the front only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._indices import from_the_front
from pyonnxtool.rewriting.decision import KEEP
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Gather", 11))
def gather(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: indices that may be negative are counted from the front."""
    data, indices, axis = node["data"], node["indices"], node.attr_int("axis")
    if data.rank is not None and not -data.rank <= axis < data.rank:
        return node.refuse(f"axis {axis} is none of the {data.rank} that its data has")
    sizes = Sizes(tape)
    found = from_the_front(tape, indices, lambda: sizes.of(data, axis), sizes)
    return KEEP if found == indices else tape.op("Gather", data, found, axis=axis)
