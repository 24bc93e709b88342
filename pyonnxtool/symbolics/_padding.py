"""Rows of sequences, and which of them are no padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyonnxtool.rewriting.tape import Tape


def rows_of(value: str, tape: Tape) -> str:
    """(batch, length, hidden) as rows."""
    hidden = tape.op("Shape", value, start=2, end=3)
    return tape.op("Reshape", value, tape.op("Concat", tape.ints([-1]), hidden, axis=0))


def first_rows(offsets: str, packed: str, tape: Tape) -> str:
    """Where each row of `packed` is among all, as int64; padding has the rest of the offsets."""
    flat = tape.cast(tape.op("Reshape", offsets, tape.ints([-1])), "int64")
    count = tape.op("Shape", packed, start=0, end=1)
    return tape.op("Slice", flat, tape.ints([0]), count, tape.ints([0]))
