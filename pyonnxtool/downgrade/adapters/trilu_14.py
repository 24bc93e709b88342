"""Trilu from 14 to 13: Where with a mask of the triangle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import reshape
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_MOST = 2**24
"""Elements of a mask that is written as a constant."""


@ADAPTERS.add(("Trilu", 14))
def _masked(node: NodeView, tape: Tape) -> Decision:
    """14 -> 13: Where with a mask of the triangle."""
    data = node["input"]
    if data.rank is None or data.dtype is None:
        return node.refuse_dynamic("the rank or the element type of its input")
    if data.rank < 2:
        return node.refuse(f"its input is of rank {data.rank}")
    mask = _mask(node, tape)
    if data.dtype == "bool":
        return tape.op("And", data, mask)
    zero = np.zeros((), numpy_dtype(data.dtype))
    if data.dtype == "string":
        zero = np.array("", object)
    return tape.op("Where", mask, data, tape.const(zero))


def _mask(node: NodeView, tape: Tape) -> str:
    """Of the last two axes, true where the element stays."""
    data, upper = node["input"], bool(node.attr_int("upper"))
    rows, columns = (data.shape or ())[-2:]
    shift = node.const_ints("k", default=[0])
    if rows is not None and columns is not None and shift and rows * columns <= _MOST:
        below = np.arange(columns) - np.arange(rows)[:, None]
        return tape.const(below >= shift[0] if upper else below <= shift[0])
    sizes = Sizes(tape)
    across = sizes.iota(sizes.of(data, -1))
    down = reshape(tape, sizes.iota(sizes.of(data, -2)), [-1, 1])
    if not shift:
        down = tape.op("Add", down, reshape(tape, node["k"], [1]))
    elif shift[0]:
        down = tape.op("Add", down, tape.ints(shift[:1]))
    outside = tape.op("Less" if upper else "Greater", across, down)
    return tape.op("Not", outside)
