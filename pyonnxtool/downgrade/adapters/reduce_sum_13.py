"""ReduceSum from 13 to 12: `axes` goes back from an input to an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._reduced import axes_to_attribute

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("ReduceSum", 13))
def _axes_to_attribute(node: NodeView, tape: Tape) -> Decision:
    """13 -> 12: `axes` goes back from an input to an attribute."""
    return axes_to_attribute(node, tape)
