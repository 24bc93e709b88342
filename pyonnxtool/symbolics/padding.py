"""Sequences of several lengths as rows without padding, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._padding import first_rows, rows_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::RemovePadding")
def remove_padding(node: NodeView, tape: Tape) -> Decision:
    """Rows before the end of their sequence by Gather, and where they were."""
    x, counts = node.inputs[:2]
    kind = counts.dtype or "int32"
    shape = tape.op("Shape", x, end=2)
    length = tape.op("Gather", shape, tape.const(1, "int64"), axis=0)
    zero, one = tape.const(0, "int64"), tape.const(1, "int64")
    places = tape.cast(tape.op("Range", zero, length, one), kind)
    kept = tape.op("Less", places, tape.op("Unsqueeze", counts, tape.ints([1])))
    flat = tape.op("Reshape", kept, tape.ints([-1]))
    rows, others = (
        tape.op("Reshape", tape.op("NonZero", mask), tape.ints([-1]))
        for mask in (flat, tape.op("Not", flat))
    )
    offsets = tape.op("Concat", rows, others, axis=0)
    ends = tape.op("CumSum", counts, tape.const(0, "int64"))
    return (
        tape.op("Gather", rows_of(x, tape), rows, axis=0),
        tape.cast(tape.op("Reshape", offsets, shape), kind),
        tape.op("Concat", tape.const(np.zeros(1), kind), ends, axis=0),
        tape.op("ReduceMax", counts, tape.ints([0]), keepdims=1),
    )


@SYMBOLICS.add("com.microsoft::RestorePadding")
def restore_padding(node: NodeView, tape: Tape) -> Decision:
    """ScatterND of the rows into zeros."""
    x, offsets = node.inputs[:2]
    if x.dtype is None:
        return node.refuse("the element type of its input is not known")
    sizes = tape.op("Shape", offsets)
    hidden = tape.op("Shape", x, start=1, end=2)
    zero = tape.const(np.zeros(1), x.dtype)
    total = tape.op("Reshape", tape.op("Size", offsets), tape.ints([1]))
    empty = tape.op("Expand", zero, tape.op("Concat", total, hidden, axis=0))
    places = tape.op("Unsqueeze", first_rows(offsets, x, tape), tape.ints([1]))
    filled = tape.op("ScatterND", empty, places, x)
    return tape.op("Reshape", filled, tape.op("Concat", sizes, hidden, axis=0))
