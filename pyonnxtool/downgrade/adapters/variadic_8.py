"""Max, Min, Sum and Mean from 8 to 7: operands of one shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Sum", 8))
@ADAPTERS.add(("Mean", 8))
def by_adding(node: NodeView, tape: Tape) -> Decision:
    """8 -> 7: Add, which broadcasts, where operands are not of one shape."""
    if _of_one_shape(node):
        return KEEP
    dtype = node.arg(0).dtype or node.out().dtype
    found: str = node.inputs[0]
    for other in node.inputs[1:]:
        found = tape.op("Add", found, other)
    if node.op_type == "Sum":
        return found
    if dtype is None:
        return node.refuse("the element type of the operands is not known")
    return tape.op("Div", found, tape.const(len(node.inputs), dtype))


@ADAPTERS.add(("Max", 8))
@ADAPTERS.add(("Min", 8))
def broadcast_first(node: NodeView, tape: Tape) -> Decision:
    """8 -> 7: minus zero of the common shape is added to each operand first."""
    if _of_one_shape(node):
        return KEEP
    dtype = node.arg(0).dtype or node.out().dtype
    if dtype is None:
        return node.refuse("the element type of the operands is not known")
    shape = node.out().static_shape
    if shape is not None:
        nothing = tape.const(np.full(shape, -0.0), dtype)
    else:
        common: str = node.inputs[0]
        for other in node.inputs[1:]:
            common = tape.op("Add", common, other)
        apart = tape.op("Less", common, common)  # false everywhere, of NaNs too
        nothing = tape.op("Mul", tape.cast(apart, dtype), tape.const(-0.0, dtype))
    wide = [
        one if shape is not None and one.static_shape == shape else tape.op("Add", one, nothing)
        for one in node.inputs
    ]
    return tape.op(node.op_type, *wide)


def _of_one_shape(node: NodeView) -> bool:
    """Sizes that have one name are one; with sizes that have none, it is not known."""
    known = [one.dims for one in node.inputs]
    first = known[0]
    return len(known) == 1 or (
        first is not None and None not in first and all(one == first for one in known)
    )
