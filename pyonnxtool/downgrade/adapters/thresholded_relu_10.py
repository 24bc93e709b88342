"""ThresholdedRelu from 10 to 9: values that are not above the threshold become zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("ThresholdedRelu", 10))
def above_threshold(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: Where the value is greater than alpha."""
    x = node["X"]
    if x.dtype is None:
        return node.refuse("the element type of `X` is not known")
    above = tape.op("Greater", x, tape.const(node.attr_float("alpha"), x.dtype))
    return tape.op("Where", above, x, tape.const(0, x.dtype))
