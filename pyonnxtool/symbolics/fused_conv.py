"""FusedConv of com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._activation import activated
from pyonnxtool.symbolics._attributes import carried

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::FusedConv")
def fused_conv(node: NodeView, tape: Tape) -> Decision:
    """Conv, then the sum with Z and the activation."""
    made = tape.op("Conv", node.inputs[0], node.inputs[1], node.arg(2), **carried(node))
    if node.arg(3):
        made = tape.op("Add", made, node.arg(3))
    return activated(node, tape, made)
