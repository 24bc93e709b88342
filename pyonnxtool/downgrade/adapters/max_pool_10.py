"""MaxPool from 10 to 9: it has neither ceil_mode nor dilations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._windows import (
    Windows,
    in_floor,
    is_plain,
    padded,
    windows_and_ends,
)
from pyonnxtool.downgrade.adapters._windows_max import largest, largest_and_where
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_TO_THE_END = 2**31 - 1


@ADAPTERS.add(("MaxPool", 10))
def max_pool(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: padding takes the place of ceil_mode; windows with gaps are gathered."""
    if is_plain(node):
        return Edit(drop=["ceil_mode", "dilations"])
    found = windows_and_ends(node)
    if not isinstance(found, tuple):
        return found
    axes, ends = found
    if all(one.extent == one.kernel for one in axes):
        return in_floor(node, axes, ends, tape, "dilations")
    if node.out(1):
        return largest_and_where(node, axes, tape)
    return _shifted(node, axes, ends, tape) if _open(axes) else largest(node, axes, tape)


def _open(axes: list[Windows]) -> bool:
    return any(one.size is None for one in axes)


def _shifted(node: NodeView, axes: list[Windows], ends: list[int], tape: Tape) -> str:
    """For sizes that are not known: the largest of shifted slices, then every so many of them."""
    value = padded(node.arg(0), [one.begin for one in axes], ends, float("-inf"), tape)
    for at, one in enumerate(axes, 2):
        if one.kernel == 1:
            continue
        starts = [tap * one.dilation for tap in range(one.kernel)]
        slices = [
            tape.op(
                "Slice",
                value,
                axes=[at],
                starts=[start],
                ends=[start - one.extent + 1 or _TO_THE_END],
            )
            for start in starts
        ]
        value = tape.op("Max", *slices)
    strides = [one.stride for one in axes]
    if max(strides) == 1:
        return value
    return tape.op("MaxPool", value, kernel_shape=[1] * len(axes), strides=strides)
