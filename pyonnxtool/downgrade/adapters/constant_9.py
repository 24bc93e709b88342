"""Constant from 9 to 8: what is no float is an initializer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Constant", 9))
def _initializer(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: what is no float is an initializer."""
    known = node.out().const
    if known is None or node.out().dtype in ("float16", "float32", "float64"):
        return KEEP
    return tape.const(known)
