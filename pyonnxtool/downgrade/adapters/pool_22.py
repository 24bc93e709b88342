"""AveragePool, LpPool and MaxPool from 22 to 21, where ceil_mode may add a window of padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._windows import windows_of
from pyonnxtool.rewrite.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.tape import Tape


@ADAPTERS.add(("AveragePool", 22))
@ADAPTERS.add(("LpPool", 22))
@ADAPTERS.add(("MaxPool", 22))
def pool(node: NodeView, tape: Tape) -> Decision:
    """22 -> 21: padding is cut where ceil_mode would add a window that starts in it."""
    if not node.attr_int("ceil_mode", 0) or node.attr_str("auto_pad").startswith("SAME"):
        return KEEP
    axes = windows_of(node)
    if not isinstance(axes, list):
        return axes
    if any(one.size is None and one.may_start_outside for one in axes):
        return node.refuse_dynamic("whether the last window starts in the padding")
    ends = [one.end if one.covered is None else min(one.end, one.covered) for one in axes]
    if ends == [one.end for one in axes]:
        return KEEP
    attributes: dict[str, int | list[int]] = {"pads": [one.begin for one in axes] + ends}
    if min(ends) < 0:  # steps longer than windows: nothing but floor leaves the last one out
        if node.attr("count_include_pad", 0) or any(one.end_of_floor is None for one in axes):
            return node.refuse("its last window starts in the padding, and steps over elements")
        ends = [one.end_of_floor or 0 for one in axes]
        attributes = {"ceil_mode": 0, "pads": [one.begin for one in axes] + ends}
    return Edit(drop=["auto_pad"], attributes=attributes)
