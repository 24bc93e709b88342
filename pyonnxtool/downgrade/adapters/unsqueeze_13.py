"""Unsqueeze from 13 to 12: `axes` goes back from an input to an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import chosen
from pyonnxtool.downgrade.adapters._shapes import may_be_empty, reshaped
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Unsqueeze", 13))
def _axes_to_attribute(node: NodeView, tape: Tape) -> Decision:
    """13 -> 12: `axes` goes back from an input to an attribute."""
    data, axes = node["data"], node["axes"]
    known = node.const_ints("axes")
    if known is not None:
        return Edit(attributes={"axes": known}, inputs=[data])
    count = axes.static_shape
    if data.rank is None or count is None:
        return node.refuse_dynamic("`axes`, and the rank that they give,")
    rank = data.rank + sum(count[:1])
    if data.rank == 0 or count == (0,):
        return tape.op("Reshape", data, tape.ints([1] * rank)) if data.rank == 0 else data
    new = chosen(tape, axes, rank)
    old = tape.cast(tape.op("Not", new), "int64")
    place = tape.op("Sub", tape.op("CumSum", old, tape.const(0, "int64")), tape.ints([1]))
    sizes = tape.op("Gather", tape.op("Shape", data), tape.op("Max", place, tape.ints([0])))
    shape = tape.op("Where", new, tape.ints([1]), sizes)
    return reshaped(tape, data, shape, rank, may_be_empty(data))
