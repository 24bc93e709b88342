"""AveragePool, LpPool and MaxPool from 22 to 21, where ceil_mode may add a window of padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._windows import Windows, floor_ends, in_floor, windows_of
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("AveragePool", 22))
@ADAPTERS.add(("LpPool", 22))
@ADAPTERS.add(("MaxPool", 22))
def pool(node: NodeView, tape: Tape) -> Decision:
    """22 -> 21: padding is cut where ceil_mode would add a window that starts in it."""
    ceil = node.attr_int("ceil_mode", 0)
    if not ceil or node.attr_str("auto_pad").startswith("SAME"):  # of which older rules count wrong
        return Edit(drop=["ceil_mode"]) if ceil else KEEP
    axes = windows_of(node)
    if not isinstance(axes, list):
        return axes
    if any(one.size is None and one.may_start_outside for one in axes):
        return _cut(node, axes, tape)
    ends = [one.end if one.covered is None else min(one.end, one.covered) for one in axes]
    if ends == [one.end for one in axes]:
        return KEEP
    if min(ends) < 0 and node.out(1):  # places count what no window reads
        floor = floor_ends(node, axes)
        return in_floor(node, axes, floor, tape) if isinstance(floor, list) else floor
    x: str = node.arg(0)
    unread = [at for at, end in enumerate(ends) if end < 0]
    if unread:  # with them ceil_mode would find one more window
        places = [[0] * len(unread), [ends[at] for at in unread], [at + 2 for at in unread]]
        x = tape.op("Slice", x, *map(tape.ints, places))
    pads = [one.begin for one in axes] + [max(0, end) for end in ends]
    return Edit(drop=["auto_pad"], attributes={"pads": pads}, inputs=[x])


def _cut(node: NodeView, axes: list[Windows], tape: Tape) -> list[str]:
    """For sizes that are not known: windows that start before the padding are taken of what comes.

    Where ceil_mode adds no other, the Slice leaves all.
    """
    places = [at for at, one in enumerate(axes) if one.may_start_outside]
    wanted = [bool(one) for one in node.outputs]
    made = tape.many(node.op_type, node.arg(0), outputs=wanted, **node.attributes)
    cut = tape.ints(at + 2 for at in places)
    sizes = tape.op("Gather", tape.op("Shape", node.arg(0)), cut)
    more = tape.ints(axes[at].begin + axes[at].stride - 1 for at in places)
    ends = tape.op("Div", tape.op("Add", sizes, more), tape.ints(axes[at].stride for at in places))
    starts = tape.ints([0] * len(places))
    return [tape.op("Slice", one, starts, ends, cut) if one else "" for one in made]
