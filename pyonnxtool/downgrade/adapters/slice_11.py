"""Slice from 11 to 10: `axes` count from the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._indices import from_the_front, never_negative
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Slice", 11))
def _axes_from_front(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: `axes` count from the front."""
    axes, rank = node["axes"], node["data"].rank
    if not axes or never_negative(axes):
        return KEEP
    if rank is None:
        return node.refuse_dynamic("the rank, from which a negative axis counts,")
    inputs = list(map(str, node.inputs))
    inputs[3] = from_the_front(tape, axes, lambda: rank, Sizes(tape))
    return Edit(inputs=inputs)
