"""Flatten from 9 to 8: of anything but floats it is a Reshape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._shapes import may_be_empty, reshaped
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.decision import KEEP
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Flatten", 9))
def _reshaped(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: of anything but floats it is a Reshape."""
    data, axis = node["input"], node.attr_int("axis")
    if data.dtype in ("float16", "float32", "float64"):
        return KEEP
    if data.shape is None:
        return node.refuse_dynamic("its rank")
    if not 0 <= axis <= len(data.shape):
        return node.refuse(f"axis {axis} is outside of rank {len(data.shape)}")
    if data.static_shape is not None and may_be_empty(data):
        outer, inner = data.static_shape[:axis], data.static_shape[axis:]
        dtype = numpy_dtype(data.dtype or "float32")
        return tape.const(np.zeros((math.prod(outer), math.prod(inner)), dtype))
    sizes = Sizes(tape)
    every = sizes.all(data)
    parts = [sizes.product(every[:axis]), sizes.product(every[axis:])]
    return reshaped(tape, data, sizes.joined(parts), 2, may_be_empty(data))
