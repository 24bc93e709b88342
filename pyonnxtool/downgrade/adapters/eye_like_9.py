"""EyeLike from 9 to 8: a constant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import reshape
from pyonnxtool.downgrade.dtypes import can_cast
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_MOST = 2**20
"""Elements of a matrix that is written as a constant."""


@ADAPTERS.add(("EyeLike", 9))
def _constant(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: a constant, or places that are compared where the size is open."""
    data, dtype, shift = node["input"], node.out().dtype, node.attr_int("k")
    if data.rank != 2 or dtype is None or not can_cast(dtype, tape.opset):
        return node.refuse(f"its input is of rank {data.rank}, its output of type {dtype}")
    shape = data.static_shape
    if shape is not None and shape[0] * shape[1] <= _MOST:
        return tape.const(np.eye(shape[0], shape[1], shift, numpy_dtype(dtype)))
    sizes = Sizes(tape)
    across = sizes.iota(sizes.of(data, 1))
    down = reshape(tape, sizes.iota(sizes.of(data, 0)), [-1, 1])
    if shift:
        down = tape.op("Add", down, tape.ints([shift]))
    return tape.cast(tape.op("Equal", across, down), dtype)
