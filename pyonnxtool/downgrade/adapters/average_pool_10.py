"""AveragePool from 10 to 9: it has no ceil_mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._windows import in_floor, is_plain, windows_and_ends
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("AveragePool", 10))
def average_pool(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: padding at the end takes the place of ceil_mode, and is not counted."""
    if is_plain(node):
        return Edit(drop=["ceil_mode"])
    found = windows_and_ends(node)
    return in_floor(node, *found, tape) if isinstance(found, tuple) else found
