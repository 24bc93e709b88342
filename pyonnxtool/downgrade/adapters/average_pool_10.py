"""AveragePool from 10 to 9: it has no ceil_mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._windows import floor_ends, in_floor, is_plain, windows_of
from pyonnxtool.rewrite.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.tape import Tape


@ADAPTERS.add(("AveragePool", 10))
def average_pool(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: padding at the end takes the place of ceil_mode, and is not counted."""
    if is_plain(node):
        return Edit(drop=["ceil_mode"])
    axes = windows_of(node)
    if not isinstance(axes, list):
        return axes
    ends = floor_ends(node, axes)
    return in_floor(node, axes, ends, tape) if isinstance(ends, list) else ends
