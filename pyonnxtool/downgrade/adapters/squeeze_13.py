"""Squeeze from 13 to 12: `axes` goes back from an input to an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import chosen
from pyonnxtool.downgrade.adapters._shapes import may_be_empty, reshaped
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Squeeze", 13))
def _axes_to_attribute(node: NodeView, tape: Tape) -> Decision:
    """13 -> 12: `axes` goes back from an input to an attribute."""
    data, axes = node["data"], node["axes"]
    if not axes:
        return KEEP if len(node.inputs) == 1 else Edit(inputs=[data])
    known = node.const_ints("axes")
    if known == [] or axes.static_shape == (0,):
        return node.refuse("`axes` is empty, which runtimes take for all axes and for none")
    if known is not None:
        return Edit(attributes={"axes": known}, inputs=[data])
    shape, count = data.static_shape, axes.static_shape
    if shape is not None and count is not None and shape.count(1) == count[0]:
        return Edit(
            attributes={"axes": [at for at, size in enumerate(shape) if size == 1]}, inputs=[data]
        )
    if data.rank is None or count is None:
        return node.refuse_dynamic("`axes`, and the rank that they leave,")
    left = tape.op(
        "Compress", tape.op("Shape", data), tape.op("Not", chosen(tape, axes, data.rank))
    )
    return reshaped(tape, data, left, data.rank - count[0], may_be_empty(data))
