"""RoiAlign from 16 to 15, which does not move coordinates by half a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._region_align import region_aligned
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("RoiAlign", 16))
def roi_align(node: NodeView, tape: Tape) -> Decision:
    """16 -> 15: half_pixel, which is the default at 16, becomes Gathers and weights.

    Regions moved by half a pixel would do, were they not made one pixel large at least.
    """
    how = node.attr_str("coordinate_transformation_mode")
    if how == "output_half_pixel":
        return Edit(drop=["coordinate_transformation_mode"])
    if how != "half_pixel":
        return node.refuse(f"its mode {how!r} is none that ONNX knows")
    return region_aligned(node, tape, half_pixel=True)
