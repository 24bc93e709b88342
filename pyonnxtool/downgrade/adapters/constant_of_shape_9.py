"""ConstantOfShape from 9 to 8: a constant, or a scalar that is expanded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool._core import Tensor
from pyonnxtool.downgrade.adapters import ADAPTERS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_MOST = 2**20
"""Elements of a tensor that is written as a constant."""


@ADAPTERS.add(("ConstantOfShape", 9))
def _expanded(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: a constant, or a scalar that is expanded."""
    value = node.attr("value")
    if value is not None and not isinstance(value, Tensor):
        return node.refuse("its value is no tensor")
    element = np.zeros(1, np.float32) if value is None else value.numpy()
    if element.size != 1:
        return node.refuse(f"its value has {element.size} elements, not one")
    shape = node.const_ints("input")
    if shape is not None and min(shape, default=0) < 0:
        return node.refuse(f"its shape is {shape}")
    if shape is not None and math.prod(shape) <= _MOST:
        return tape.const(np.full(shape, element.reshape(-1)[0], element.dtype))
    return tape.op("Expand", tape.const(element.reshape(())), node["input"])
