"""QLinearAveragePool and QLinearGlobalAveragePool of com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attributes import carried
from pyonnxtool.symbolics._channels_last import channels_first, channels_last, window_rank
from pyonnxtool.symbolics._quantized import (
    combined,
    dequantized,
    dtype_of,
    named,
    number,
    quantized,
    rounded,
)

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape
    from pyonnxtool.symbolics._quantized import Number


@SYMBOLICS.add("com.microsoft::QLinearAveragePool")
def qlinear_average_pool(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear in units of the output's scale, AveragePool, QuantizeLinear.

    Where a mean lies at a half, the order of its sum decides, which is each runtime's own: of
    scales that are simple parts of each other (0.1 and 0.05) 1 mean of 300 may be off by one.
    """
    x, x_scale, x_zero, y_scale = node.inputs[:4]
    dtype = dtype_of(x, node.out())
    rank = window_rank(node, x)
    if dtype is None or rank is None:
        return node.refuse_dynamic("the type and rank of its input")
    last = node.attr_int("channels_last", 0)
    scale = combined(tape, "Div", number(tape, x_scale), number(tape, y_scale))
    floats = dequantized(tape, channels_first(tape, x, rank) if last else x, scale, x_zero)
    made = tape.op("AveragePool", floats, **carried(node))
    integers = rounded(tape, made, node.arg(4), dtype)
    return channels_last(tape, integers, rank) if last else integers


@SYMBOLICS.add("com.microsoft::QLinearGlobalAveragePool")
def qlinear_global_average_pool(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear to integers, ReduceSum, times the ratio of the scales, QuantizeLinear."""
    x, x_scale, x_zero, y_scale = node.inputs[:4]
    dtype, rank = dtype_of(x, node.out()), x.rank
    if dtype is None or rank is None:
        return node.refuse_dynamic("the type and rank of its input")
    last = node.attr_int("channels_last", 0)
    axes = range(1, rank - 1) if last else range(2, rank)
    total = tape.op(
        "ReduceSum", dequantized(tape, x, np.float32(1), x_zero), tape.ints(axes), keepdims=1
    )
    size = combined(tape, "Mul", number(tape, y_scale), _size(tape, x, axes))
    ratio = combined(tape, "Div", number(tape, x_scale), size)
    mean = tape.op("Mul", total, named(tape, ratio))
    return quantized(tape, mean, np.float32(1), node.arg(4), dtype)


def _size(tape: Tape, x: Operand, axes: range) -> Number:
    """How many elements are summed."""
    shape = x.shape
    sizes = [None if shape is None else shape[axis] for axis in axes]
    if None not in sizes:
        return np.float32(np.prod([size for size in sizes if size is not None]))
    known = tape.op("Gather", tape.op("Shape", x), tape.ints(axes), axis=0)
    return tape.cast(tape.op("ReduceProd", known, tape.ints([0]), keepdims=0), "float32")
