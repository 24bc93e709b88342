"""Inverses and linear equations of torch: elimination with the largest pivot of each column.

A Loop over the columns; of a matrix without an inverse it makes infinities or NaN, where torch
raises an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics._aten import as_one_dtype, aten

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_FLOATS = ("float32", "float64")


@aten("linalg_inv|inverse", "Tensor a")
def inverse(node: NodeView, tape: Tape, a: Operand) -> Decision:
    """A Loop that eliminates one column after the other."""
    if (refusal := _unfit(node, a)) is not None:
        return refusal
    sizes = Sizes(tape)
    size = sizes.of(a, (a.rank or 0) - 1)
    row, column = sizes.iota_along(size, 0, 2), sizes.iota_along(size, 1, 2)
    identity = tape.cast(tape.op("Equal", row, column), a.dtype or "")
    beside = tape.op("Expand", identity, tape.op("Shape", a))
    return solved(tape, a, beside)


@aten("linalg_solve", "Tensor a, Tensor b, bool left")
def solve(node: NodeView, tape: Tape, a: Operand, b: Operand, left: bool = True) -> Decision:
    """A Loop that eliminates one column after the other."""
    if (refusal := _unfit(node, a)) is not None:
        return refusal
    both = as_one_dtype(node, tape, a, b)
    if isinstance(both, Refusal):
        return both
    if not left or b.rank not in (1, a.rank):
        return node.refuse("only A X = B, of as many matrices, has a symbolic")
    if b.rank == 1 and a.rank != 1:
        if a.rank != 2:
            return node.refuse("only A X = B, of as many matrices, has a symbolic")
        column = tape.op("Unsqueeze", b, tape.ints([1]))
        return tape.op("Squeeze", solved(tape, a, column), tape.ints([1]))
    return solved(tape, a, str(b))


def _unfit(node: NodeView, a: Operand) -> Refusal | None:
    if a.rank is None or a.rank < 2:
        return node.refuse(f"its rank {a.rank} is not that of matrices")
    if a.dtype not in _FLOATS:
        return node.refuse(f"it computes with elements of {a.dtype or 'an unknown type'}")
    return None


def solved(tape: Tape, a: Operand, b: str) -> str:
    """X of A X = B; both have the same axes in front."""
    sizes, dtype, rank = Sizes(tape), a.dtype or "", a.rank or 0
    size = sizes.of(a, rank - 1)
    rows = sizes.iota_along(size, rank - 2, rank)
    joined = tape.op("Concat", a, b, axis=-1)
    whole = tape.op("Identity", joined)

    def eliminate(inner: Tape, names: tuple[str, ...]) -> list[tuple[str, str, int | None]]:
        at, on, now = names
        zero = inner.const(0.0, dtype)
        here = inner.op("Equal", rows, at)
        column = inner.op("Gather", now, at, axis=rank - 1)
        column = inner.op("Unsqueeze", column, inner.ints([rank - 1]))
        open_rows = inner.op("GreaterOrEqual", rows, at)
        size_of = inner.op("Where", open_rows, inner.op("Abs", column), inner.const(-1.0, dtype))
        pivot = inner.op("ArgMax", size_of, axis=rank - 2, keepdims=1)
        there = inner.op("Equal", rows, pivot)
        axes = inner.ints([rank - 2])
        lead = inner.op("ReduceSum", inner.op("Where", there, now, zero), axes, keepdims=1)
        kept = inner.op("ReduceSum", inner.op("Where", here, now, zero), axes, keepdims=1)
        moved = inner.op("Where", there, kept, now)
        first = inner.op("Gather", lead, at, axis=rank - 1)
        lead = inner.op("Div", lead, inner.op("Unsqueeze", first, inner.ints([rank - 1])))
        factor = inner.op("Gather", moved, at, axis=rank - 1)
        factor = inner.op("Unsqueeze", factor, inner.ints([rank - 1]))
        less = inner.op("Sub", moved, inner.op("Mul", factor, lead))
        made = inner.op("Where", here, lead, less)
        return [(inner.op("Identity", on), "bool", 0), (made, dtype, rank)]

    body = tape.body([("at", "int64", 0), ("on", "bool", 0), ("now", dtype, rank)], eliminate)
    done = tape.many("Loop", sizes.scalar(size), tape.const(True), whole, outputs=1, body=body)[0]
    end = tape.ints([np.iinfo(np.int64).max])
    return tape.op("Slice", done, sizes.tensor(size), end, tape.ints([rank - 1]))
