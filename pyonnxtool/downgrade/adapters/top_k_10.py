"""TopK from 10 to 9: `k` goes back to an attribute; one that is known later is cut from all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import from_front, reshape
from pyonnxtool.rewriting.decision import Edit
from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("TopK", 10))
def _with_attribute(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: `k` goes back to an attribute; one that is known later is cut from all."""
    data, axis, count = node["X"], node.attr_int("axis"), node.const_ints("K")
    if count and count[0] > 0:
        return Edit(attributes={"k": count[0]}, inputs=[data])
    if data.rank is None:
        return node.refuse_dynamic("its rank")
    axes = from_front(node, [axis], data.rank)
    if isinstance(axes, Refusal):
        return axes
    size = (data.shape or ())[axes[0]]
    if count:
        return _none(node, axes[0], tape)
    if not size:
        return node.refuse_dynamic("`K`, and the size of the axis,")
    every = tape.many("TopK", data, outputs=2, axis=axis, k=size)
    places = Sizes(tape).iota(reshape(tape, node["K"], [1]))
    return [tape.op("Gather", one, places, axis=axes[0]) for one in every]


def _none(node: NodeView, axis: int, tape: Tape) -> list[str]:
    """Nothing was asked for."""
    made = tape.op("Slice", node["X"], starts=[0], ends=[0], axes=[axis])
    places = tape.op("ConstantOfShape", tape.op("Shape", made), value=np.zeros(1, np.int64))
    return [made, places]
