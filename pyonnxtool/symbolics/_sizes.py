"""Sizes of axes: numbers where they are known, computed at run time where they are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class Size:
    """How long one axis is."""

    known: int | None
    value: str = ""
    """What has the axis, where the size is not known."""
    axis: int | None = None
    """Not negative; None: the value is the size itself, an int64 of one axis with one element."""

    def vector(self, tape: Tape) -> str:
        """As an int64 of one axis with one element."""
        if self.known is not None:
            return tape.ints([self.known])
        if self.axis is None:
            return self.value
        return tape.op("Shape", self.value, start=self.axis, end=self.axis + 1)

    def scalar(self, tape: Tape) -> str:
        """As an int64 without axes."""
        if self.known is not None:
            return tape.const(np.array(self.known, np.int64))
        return tape.op("Squeeze", self.vector(tape), tape.ints([0]))


def size_of(operand: Operand, axis: int) -> Size:
    """Of an axis, which is not negative, of an operand."""
    shape = operand.shape
    known = shape[axis] if shape is not None and axis < len(shape) else None
    return Size(known, operand, axis)


def counted(size: Size, tape: Tape, start: Size | None = None, by: int = 0) -> str:
    """So many int64s from `start + by` on, each one more than the one before."""
    first = 0 if start is None else start.known
    if size.known is not None and first is not None:
        return tape.const(np.arange(first + by, first + by + size.known, dtype=np.int64))
    one = tape.const(np.array(1, np.int64))
    if start is None or start.known is not None:
        begin = tape.const(np.array((first or 0) + by, np.int64))
    else:
        begin = start.scalar(tape)
        if by:
            begin = tape.op("Add", begin, tape.const(np.array(by, np.int64)))
    return tape.op("Range", begin, tape.op("Add", begin, size.scalar(tape)), one)
