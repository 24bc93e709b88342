"""MaxUnpool from 9 to 8: for each element a comparison with all places, and a Gather."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._scatter_by_comparison import scattered
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("MaxUnpool", 9))
def max_unpool(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: a Gather of each element from zeros or from the value that falls on it."""
    data, shape, dtype = node["X"], node["X"].static_shape, node["X"].dtype
    if shape is None or dtype is None:
        return node.refuse_dynamic("the shape of its data")
    if node["output_shape"]:
        return node.refuse("`output_shape` has no equal in opset 8", "leave it out, and Pad")
    kernel, rank = node.attr_ints("kernel_shape") or [], len(shape) - 2
    strides = node.attr_ints("strides") or [1] * rank
    pads = node.attr_ints("pads") or [0] * (2 * rank)
    if not len(kernel) == len(strides) == len(pads) / 2 == rank:
        return node.refuse(f"its attributes are not of the {rank} axes of its data")
    around = [first + last for first, last in zip(pads[:rank], pads[rank:], strict=True)]
    grown = [
        (size - 1) * stride + width - lost
        for size, stride, width, lost in zip(shape[2:], strides, kernel, around, strict=True)
    ]
    whole, flat = [*shape[:2], *grown], tape.ints([-1])
    places, values = (tape.op("Reshape", one, flat) for one in (node["I"], data))
    zeros = tape.op("Expand", tape.const(np.zeros(1), dtype), tape.ints([math.prod(whole)]))
    pair = (zeros, math.prod(whole)), (values, math.prod(shape))
    made = scattered(tape, Sizes(tape), pair[0], places, pair[1])
    return tape.op("Reshape", made, tape.ints(whole))
