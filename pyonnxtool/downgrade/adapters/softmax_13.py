"""Softmax, LogSoftmax and Hardmax from 13 to 12: over the last axis, as one of a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import from_front
from pyonnxtool.downgrade.function_body import expanded
from pyonnxtool.rewriting.decision import Edit
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def _over_last_axis(node: NodeView, tape: Tape) -> Decision:
    """13 -> 12: `axis` becomes the last one, as those from it on are taken together below."""
    data, axis = node["input"], node.attr_int("axis")
    if axis == -1 and data.rank is None:
        return Edit(attributes={"axis": -1})
    if data.rank is None:
        return expanded(node, tape)
    axes = from_front(node, [axis], data.rank)
    if isinstance(axes, Refusal):
        return axes
    at, shape = axes[0], data.shape or ()
    if all(size == 1 for size in shape[at + 1 :]):
        return Edit(attributes={"axis": at})
    last = data.rank - 1
    order = [*range(at), *range(at + 1, data.rank), at]
    back = [*range(at), last, *range(at, last)]
    moved = tape.op("Transpose", data, perm=order)
    made = tape.op(node.op_type, moved, axis=last)
    return tape.op("Transpose", made, perm=back)


for _op in ("Softmax", "LogSoftmax", "Hardmax"):
    ADAPTERS.add((_op, 13))(_over_last_axis)
