"""Operators from 11 to 10, where axes count from the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import from_front
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def _axis_from_front(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: `axis` counts from the front."""
    axis = node.attr("axis")
    if axis is None or axis >= 0:
        return KEEP
    axes = from_front(node, [int(axis)], node.arg(0).rank)
    return axes if isinstance(axes, Refusal) else Edit(attributes={"axis": axes[0]})


def _axes_from_front(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: `axes` count from the front, in ascending order."""
    given = node.attr_ints("axes") or []
    rank = node.arg(0).rank
    if rank is not None and node.op_type == "Unsqueeze":
        rank += len(given)
    axes = from_front(node, given, rank)
    if isinstance(axes, Refusal):
        return axes
    return KEEP if sorted(axes) == given else Edit(attributes={"axes": sorted(axes)})


for _op in ("ArgMax", "ArgMin", "Compress", "Concat", "Flatten", "Split"):
    ADAPTERS.add((_op, 11))(_axis_from_front)
for _op in ("Softmax", "LogSoftmax", "Hardmax"):
    ADAPTERS.add((_op, 11))(_axis_from_front)
for _op in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"):
    ADAPTERS.add((f"Reduce{_op}", 11))(_axes_from_front)
for _op in ("Squeeze", "Unsqueeze"):
    ADAPTERS.add((_op, 11))(_axes_from_front)
