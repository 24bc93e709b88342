"""Det from 11 to 10: written out for small matrices, elimination with pivots for others."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._regrouped import regrouped
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_WRITTEN_OUT = 3
_ELIMINATED = 16
"""Sizes of matrices; each row of a larger one costs some twenty nodes."""


@ADAPTERS.add(("Det", 11))
def det(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: the sum of signed products up to 3 by 3, else elimination row by row."""
    data = node["X"]
    shape, dtype = data.shape, data.dtype
    size = None if shape is None or len(shape) < 2 else shape[-1] or shape[-2]
    if shape is None or size is None or dtype is None:
        return node.refuse_dynamic("the size of its matrices")
    if size > _ELIMINATED:
        return node.refuse(f"matrices of {size} rows are too large to be written out")
    sizes = Sizes(tape)
    batch = [sizes.of(data, axis) for axis in range(len(shape) - 2)]
    value: str = data if dtype != "float16" else tape.cast(data, "float32")
    value = tape.op("Reshape", value, tape.ints([-1, size, size]))
    kind = "float32" if dtype == "float16" else dtype
    found = (_products if size <= _WRITTEN_OUT else _eliminated)(tape, value, size, kind)
    found = regrouped(tape, sizes, found, batch)
    return found if kind == dtype else tape.cast(found, dtype)


def _products(tape: Tape, matrices: str, size: int, dtype: str) -> str:
    orders = [list(order) for order in permutations(range(size))]
    places = [[row * size + column for row, column in enumerate(order)] for order in orders]
    signs = [round(np.linalg.det(np.eye(size)[order])) for order in orders]
    flat = tape.op("Reshape", matrices, tape.ints([-1, size * size]))
    factors = tape.op("Gather", flat, tape.const(places, "int64"), axis=1)
    terms = tape.op("ReduceProd", factors, axes=[2], keepdims=0)
    signed = tape.op("Mul", terms, tape.const(signs, dtype))
    return tape.op("ReduceSum", signed, axes=[1], keepdims=0)


def _eliminated(tape: Tape, matrices: str, size: int, dtype: str) -> str:
    """[batch, 1, 1]: the product of the pivots, each the largest of its column."""
    found, left = tape.const(np.ones((1, 1, 1)), dtype), matrices
    zero, one, minus = (tape.const(value, dtype) for value in (0, 1, -1))
    for rows in range(size, 1, -1):
        column = tape.op("Abs", _cut(tape, left, 2, 0, 1))
        place = tape.op("ArgMax", column, axis=1, keepdims=1)
        is_pivot = tape.op("Equal", tape.const(np.arange(rows).reshape(1, -1, 1), "int64"), place)
        row = tape.op("Where", is_pivot, left, zero)
        row = tape.op("ReduceSum", row, axes=[1], keepdims=1)
        # The first row takes the place of the pivot's: a swap, unless it is the first itself.
        others = tape.op("Where", is_pivot, _cut(tape, left, 1, 0, 1), left)
        others = _cut(tape, others, 1, 1, rows)
        sign = tape.op("Where", tape.cast(place, "bool"), minus, one)
        pivot = _cut(tape, row, 2, 0, 1)
        found = tape.op("Mul", tape.op("Mul", found, pivot), sign)
        divisor = tape.op("Where", tape.cast(pivot, "bool"), pivot, one)
        factor = tape.op("Div", _cut(tape, others, 2, 0, 1), divisor)
        taken = tape.op("Mul", factor, _cut(tape, row, 2, 1, rows))
        left = tape.op("Sub", _cut(tape, others, 2, 1, rows), taken)
    return tape.op("Mul", found, left)


def _cut(tape: Tape, value: str, axis: int, start: int, end: int) -> str:
    return tape.op("Slice", value, tape.ints([start]), tape.ints([end]), tape.ints([axis]))
