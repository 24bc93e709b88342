"""GridSample from 16 to 15, which does not have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._grid import grid_sampled

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_NEW_NAMES = {"bilinear": "linear", "bicubic": "cubic"}


@ADAPTERS.add(("GridSample", 16))
def grid_sample(node: NodeView, tape: Tape) -> Decision:
    """16 -> 15: places are computed, what is around them gathered and weighed."""
    mode = node.attr_str("mode")
    return grid_sampled(node, tape, _NEW_NAMES.get(mode, mode))
