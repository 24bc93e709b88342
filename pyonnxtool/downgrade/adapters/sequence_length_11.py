"""SequenceLength from 11 to 10: it is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("SequenceLength", 11))
def sequence_length(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: becomes a constant."""
    fact = node.arg(0).fact
    if fact is None or fact.items is None:
        return node.refuse("there are no sequences below opset 11, and its length is not known")
    return tape.const(len(fact.items), "int64")
