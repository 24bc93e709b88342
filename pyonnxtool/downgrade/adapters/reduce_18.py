"""ReduceL1 ... ReduceSumSquare from 18 to 17: `axes` goes back from an input to an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._reduced import axes_to_attribute

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def _axes_to_attribute(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: `axes` goes back from an input to an attribute."""
    return axes_to_attribute(node, tape)


for _op in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"):
    ADAPTERS.add((f"Reduce{_op}", 18))(_axes_to_attribute)
