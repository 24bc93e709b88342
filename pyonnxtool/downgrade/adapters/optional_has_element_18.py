"""OptionalHasElement from 18 to 17: it reads an optional, and always reads something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def _known(node: NodeView) -> bool | None:
    """Whether there is something; None when that is only known when the model runs."""
    fact = node.arg(0).fact
    if not node.arg(0):
        return False
    if fact is None or fact.kind == "unknown":
        return None
    if fact.kind != "optional":
        return True
    return None if fact.items is None else bool(fact.items)


@ADAPTERS.add(("OptionalHasElement", 18))
def has_element(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: becomes a constant of what is no optional."""
    known = _known(node)
    if known is not None:
        return tape.const(known, "bool")
    if node.arg(0).type is None:
        return node.refuse("whether its input is an optional is not known")
    return KEEP


@ADAPTERS.add(("OptionalHasElement", 15))
def has_element_below_optionals(node: NodeView, tape: Tape) -> Decision:
    """15 -> 14: becomes a constant."""
    known = _known(node)
    if known is not None:
        return tape.const(known, "bool")
    return node.refuse("there are no optionals below opset 15, and this one may hold something")
