"""CumProd from 26 to 25: a product of masked copies, or a Scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._cumulative import cumulative

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("CumProd", 26))
def _products(node: NodeView, tape: Tape) -> Decision:
    """26 -> 25: a product of masked copies, or a Scan."""
    return cumulative(node, tape, 1)
