"""Keys and values of before, of which each sequence of a batch has a number of its own.

Rows from there on take the new ones; what comes after these is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics._sizes import Size, counted, size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class Cache:
    """Where the rows of the present come from."""

    used: str
    """Of the past: (batch, 1), int64; "" when there is no past."""
    length: Size
    """Of the present."""
    rows: str = ""
    """Of past and new ones, for each row of the present: (batch, rows), or (rows) of one batch."""
    filled: str = ""
    """Which of them are not 0: the same, with an axis for the elements."""
    alone: bool = False
    """It is a batch of one sequence."""


def cache_of(past: Operand, batch: Size, new: Size, lengths: str, total: str, tape: Tape) -> Cache:
    """`lengths` are those of the past and the new ones, (batch) of int64; `total` the largest."""
    if not past:
        return Cache("", new)
    count, zero = new.vector(tape), tape.ints([0])
    used = tape.op("Max", tape.op("Sub", lengths, count), zero)
    used = tape.op("Unsqueeze", used, tape.ints([1]))
    room = size_of(past, 2)
    longest = tape.op("Max", total, room.vector(tape))
    length = Size(None, longest)
    places = counted(length, tape)
    after = tape.op("Sub", places, used)
    last = tape.op("Sub", count, tape.ints([1]))
    within = tape.op("Min", tape.op("Max", after, zero), last)
    rows = tape.op("Where", tape.op("Less", places, used), places, _plus(room, within, tape))
    filled = tape.op("Less", after, count)
    alone = batch.known == 1
    if alone:
        rows = tape.op("Squeeze", rows, zero)
    filled = tape.op("Unsqueeze", filled, tape.ints([1, 3]))
    return Cache(used, length, rows, filled, alone)


def kept(cache: Cache, past: Operand, new: str, dtype: str, tape: Tape) -> str:
    """The present, of what is new: (batch, heads, length, size)."""
    if not past:
        return new
    both = tape.op("Concat", past, new, axis=2)
    if cache.alone:
        picked = tape.op("Gather", both, cache.rows, axis=2)
    else:
        shape = tape.op("Shape", both)
        ends = [tape.op("Slice", shape, *(tape.ints([at]) for at in span)) for span in _SPANS]
        sizes = tape.op("Concat", ends[0], cache.length.vector(tape), ends[1], axis=0)
        rows = tape.op("Unsqueeze", cache.rows, tape.ints([1, 3]))
        picked = tape.op("GatherElements", both, tape.op("Expand", rows, sizes), axis=2)
    return tape.op("Where", cache.filled, picked, tape.const(np.zeros(()), dtype))


_SPANS = ((0, 2), (3, 4))
"""Of the shape of keys: before the length, and after it."""


def _plus(room: Size, rows: str, tape: Tape) -> str:
    return tape.op("Add", rows, room.vector(tape))
