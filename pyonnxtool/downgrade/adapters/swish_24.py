"""Swish from 24 to 23: the value times its Sigmoid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.function_body import expanded

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Swish", 24))
def swish(node: NodeView, tape: Tape) -> Decision:
    """24 -> 23: the value times the Sigmoid of alpha times the value."""
    x, alpha = node["X"], node.attr_float("alpha")
    scaled: str = x
    if alpha != 1:
        if x.dtype is None:
            return expanded(node, tape)
        scaled = tape.op("Mul", x, tape.const(alpha, x.dtype))
    return tape.op("Mul", x, tape.op("Sigmoid", scaled))
