"""MaxPool from 8 to 7: it does not say where the largest elements were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._windows import windows_of
from pyonnxtool.downgrade.adapters._windows_max import largest_and_where
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("MaxPool", 8))
def max_pool(node: NodeView, tape: Tape) -> Decision:
    """8 -> 7: Indices are computed by ArgMax over gathered windows."""
    if not node.out(1):
        return Edit(drop=["storage_order"])
    axes = windows_of(node)
    return largest_and_where(node, axes, tape) if isinstance(axes, list) else axes
