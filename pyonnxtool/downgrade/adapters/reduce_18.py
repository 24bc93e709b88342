"""ReduceL1 ... ReduceSumSquare from 18 to 17: `axes` goes back from an input to an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewrite.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.tape import Tape


def _axes_to_attribute(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: `axes` goes back from an input to an attribute."""
    axes = node.const_ints("axes", default=())
    if axes is None:
        return node.refuse_dynamic("`axes`")
    if not axes and node.attr_int("noop_with_empty_axes", 0):
        return tape.op("Identity", node["data"])
    attributes = {"axes": axes} if axes else {}  # no axes at all: every dimension
    return Edit(drop=["noop_with_empty_axes"], attributes=attributes, inputs=[node["data"]])


for _op in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"):
    ADAPTERS.add((f"Reduce{_op}", 18))(_axes_to_attribute)
