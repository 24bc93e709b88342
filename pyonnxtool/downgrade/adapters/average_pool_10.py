"""AveragePool from 10 to 9: it has no ceil_mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._windows import floor_ends, is_plain, padded, windows_of
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
    if not isinstance(ends, list):
        return ends
    begins = [one.begin for one in axes]
    given = [one.end for one in axes]
    x: str = node.arg(0)
    attributes: dict[str, int | list[int]] = {"pads": begins + ends}
    if node.attr_int("count_include_pad") and any(
        end > old for end, old in zip(ends, given, strict=True)
    ):  # what is counted becomes part of the tensor
        x = padded(x, begins, [min(*both) for both in zip(ends, given, strict=True)], 0.0, tape)
        beyond = [max(0, end - old) for end, old in zip(ends, given, strict=True)]
        attributes = {"pads": [0] * len(axes) + beyond, "count_include_pad": 0}
    return Edit(drop=["ceil_mode", "auto_pad"], attributes=attributes, inputs=[x])
