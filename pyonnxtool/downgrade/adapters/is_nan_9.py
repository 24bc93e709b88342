"""IsNaN from 9 to 8: what compares as neither of two that cover every number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("IsNaN", 9))
def is_nan(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: neither less than one nor greater than zero."""
    x = node["X"]
    if x.dtype is None:
        return node.refuse("the element type of `X` is not known")
    below = tape.op("Less", x, tape.const(1, x.dtype))
    above = tape.op("Greater", x, tape.const(0, x.dtype))
    return tape.op("Not", tape.op("Or", below, above))
