"""Resize from 19 to 18, which has no half_pixel_symmetric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._resampling import resampled
from pyonnxtool.downgrade.adapters._resampling_at_run_time import resampled_at_run_time
from pyonnxtool.downgrade.adapters._resized_axes import resizing_of
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.downgrade.adapters._resized_axes import OpenAxis
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Resize", 19))
def resize(node: NodeView, tape: Tape) -> Decision:
    """19 -> 18: half_pixel_symmetric is half_pixel, or weights where a scale leaves a rest."""
    if node.attr_str("coordinate_transformation_mode") != "half_pixel_symmetric":
        return KEEP
    as_half_pixel = Edit(attributes={"coordinate_transformation_mode": "half_pixel"})
    by_sizes = node.has("sizes") and not node.has("scales")
    if by_sizes and node.attr_str("keep_aspect_ratio_policy") == "stretch":
        return as_half_pixel  # no rest
    found = resizing_of(node)
    if isinstance(found, Refusal):
        return found
    if all(_without_rest(one) for one in found.axes):
        return as_half_pixel
    if found.settled is None:
        return resampled_at_run_time(node, tape, found)
    return resampled(node, tape, found.sampling, found.settled)


def _without_rest(axis: OpenAxis) -> bool:
    if axis.scale is None:
        return False
    if axis.size is None:
        return axis.whole_scale is not None
    return axis.scale * axis.size == axis.resized
