"""Dropout from 10 to 9: the mask is of bools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Dropout", 10))
def _with_bool_mask(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: the mask, where it is read, is cast to bools."""
    if not node.out(1):
        return KEEP
    made, mask = tape.many("Dropout", node["data"], outputs=2, ratio=node.attr_float("ratio"))
    return [made, tape.cast(mask, "bool")]
