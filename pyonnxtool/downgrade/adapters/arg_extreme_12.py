"""ArgMax and ArgMin from 12 to 11: the last index of equals is the first one from behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import from_front
from pyonnxtool.rewriting.decision import Edit
from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def _from_behind(node: NodeView, tape: Tape) -> Decision:
    """12 -> 11: the last index of equals is the first one from behind."""
    if not node.attr_int("select_last_index"):
        return Edit(drop=["select_last_index"])
    data = node["data"]
    if data.rank is None:
        return node.refuse_dynamic("its rank")
    axes = from_front(node, [node.attr_int("axis")], data.rank)
    if isinstance(axes, Refusal):
        return axes
    back, first = tape.ints([-1]), tape.ints([np.iinfo(np.int64).min])
    turned = tape.op("Slice", data, back, first, tape.ints(axes), back)
    found = tape.op(node.op_type, turned, axis=axes[0], keepdims=node.attr_int("keepdims"))
    size = Sizes(tape).of(data, axes[0])
    if isinstance(size, int):
        return tape.op("Sub", tape.const(size - 1, "int64"), found)
    last = tape.op("Sub", Sizes(tape).scalar(size), tape.const(1, "int64"))
    return tape.op("Sub", last, found)


for _op in ("ArgMax", "ArgMin"):
    ADAPTERS.add((_op, 12))(_from_behind)
