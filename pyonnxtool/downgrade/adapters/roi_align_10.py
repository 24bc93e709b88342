"""RoiAlign from 10 to 9, which does not have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._region_align import region_aligned

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("RoiAlign", 10))
def roi_align(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: what is around each sample is gathered and weighed."""
    return region_aligned(node, tape, half_pixel=False)
