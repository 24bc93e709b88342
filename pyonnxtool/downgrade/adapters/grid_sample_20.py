"""GridSample from 20 to 19: modes are called bilinear and bicubic, and images have two axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._grid import grid_sampled
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_OLD_NAMES = {"linear": "bilinear", "cubic": "bicubic"}


@ADAPTERS.add(("GridSample", 20))
def grid_sample(node: NodeView, tape: Tape) -> Decision:
    """20 -> 19: modes are called bilinear and bicubic; volumes are gathered."""
    rank, mode = node.rank("X"), node.attr_str("mode")
    if rank is None:
        return node.refuse_dynamic("its rank")
    if rank != 4:
        return grid_sampled(node, tape, mode)
    return Edit(attributes={"mode": _OLD_NAMES.get(mode, mode)})
