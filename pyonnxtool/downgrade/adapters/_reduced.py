"""Reductions whose `axes` are an input, written with an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._axes import chosen, reshape, unsqueezed
from pyonnxtool.downgrade.adapters._shapes import may_be_empty, reshaped
from pyonnxtool.downgrade.dtypes import is_float
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def axes_to_attribute(node: NodeView, tape: Tape) -> Decision:
    """The same reduction with its axes as an attribute; over run-time axes where the rank is known.

    Without axes it is over all of them, or, if `noop_with_empty_axes` says so, over none.
    """
    axes = node.const_ints("axes", default=())
    if axes is None and node["axes"].static_shape == (0,):
        axes = []
    if axes is None:
        return _over_run_time_axes(node, tape)
    if not axes and node.attr_int("noop_with_empty_axes", 0):
        return _over_no_axes(node, tape)
    attributes = {"axes": axes} if axes else {}  # no axes at all: every dimension
    return Edit(drop=["noop_with_empty_axes"], attributes=attributes, inputs=[node["data"]])


def _over_no_axes(node: NodeView, tape: Tape) -> str:
    """Of each element alone: its norm, its square, its logarithm, or the element itself."""
    data, op = node["data"], node.op_type
    if op in ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"):
        return data
    if is_float(data.dtype or "") and op != "ReduceL2":
        match op:
            case "ReduceL1":
                return tape.op("Abs", data)
            case "ReduceSumSquare":
                return tape.op("Mul", data, data)
            case "ReduceLogSum":
                return tape.op("Log", data)
            case "ReduceLogSumExp":
                return data
    return tape.op(op, unsqueezed(tape, data, [0]), axes=[0], keepdims=0)  # as it overflows


def _over_run_time_axes(node: NodeView, tape: Tape) -> Decision:
    """Each axis as two, one of which has its size and the other 1; the first of each is reduced."""
    data, axes, rank = node["data"], node["axes"], node["data"].rank
    if rank is None:
        return node.refuse_dynamic("`axes`, and the rank of what they are axes of,")
    if rank == 0:
        return node.refuse_dynamic("`axes`")
    mask = chosen(tape, axes, rank)
    if not node.attr_int("noop_with_empty_axes", 0) and not axes.static_shape:
        none = tape.op("Equal", tape.op("Size", axes), tape.const(0, "int64"))
        mask = tape.op("Or", mask, none)
    shape, one = tape.op("Shape", data), tape.ints([1])
    gone = tape.op("Where", mask, shape, one)
    kept = tape.op("Where", mask, one, shape)
    pairs = tape.op("Concat", *(unsqueezed(tape, each, [1]) for each in (gone, kept)), axis=1)
    wide = reshaped(tape, data, reshape(tape, pairs, [-1]), 2 * rank, may_be_empty(data))
    every_other = np.arange(0, 2 * rank, 2).tolist()
    made = tape.op(node.op_type, wide, axes=every_other, keepdims=0)
    if node.attr_int("keepdims", 1):
        return made
    left = tape.op("Compress", shape, tape.op("Not", mask))
    count = axes.static_shape
    if count is None and may_be_empty(data):
        return node.refuse_dynamic("the number of `axes`")
    return reshaped(tape, made, left, rank - (count or (0,))[0], may_be_empty(data))
