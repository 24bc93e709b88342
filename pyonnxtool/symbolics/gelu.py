"""GELU of com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::Gelu")
def gelu(node: NodeView, tape: Tape) -> Decision:
    """Gelu, by the error function."""
    return tape.op("Gelu", node.inputs[0])
