"""Scaled dot products of queries and keys, Softmax, and the mean of the values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics._sizes import Size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

HIDDEN = -10000.0
"""`mask_filter_value` unless the node has it."""
_END = 2**31 - 1


@dataclass(frozen=True)
class Past:
    """Keys or values of before, by heads: batch, heads, length, size of a head."""

    value: str
    length: Size
    buffer: str = ""
    """What `value` are the first of, where it has room for more."""


def heads_of(value: str, heads: int, size: int | None, tape: Tape, perm: str = "bnsh") -> str:
    """From (batch, length, hidden) to heads of a size, in the order `perm`: "bnsh" or "bnhs"."""
    parts = tape.op("Reshape", value, tape.ints([0, 0, heads, -1 if size is None else size]))
    return tape.op("Transpose", parts, perm=["bsnh".index(axis) for axis in perm])


def joined(value: str, hidden: int | None, tape: Tape) -> str:
    """The way back: from (batch, heads, length, size) to (batch, length, hidden)."""
    turned = tape.op("Transpose", value, perm=[0, 2, 1, 3])
    return tape.op("Reshape", turned, tape.ints([0, 0, -1 if hidden is None else hidden]))


def past_of(value: Operand | str, length: Size, given: Operand, tape: Tape) -> Past:
    """What was there before; `given` says how much of a buffer is in use, "" for all of it."""
    if not given:
        return Past(value, length)
    used = tape.op("Reshape", tape.cast(given, "int64"), tape.ints([1]))
    first = tape.op("Slice", value, tape.ints([0]), used, tape.ints([2]))
    return Past(first, Size(None, used), value)


def continued(past: Past | None, value: str, tape: Tape) -> tuple[str, str]:
    """The past with the value after it, to be attended to and to be kept for the next time."""
    if past is None:
        return value, value
    both = tape.op("Concat", past.value, value, axis=2)
    if not past.buffer:
        return both, both
    used = Size(None, both, 2).vector(tape)
    rest = tape.op("Slice", past.buffer, used, tape.ints([_END]), tape.ints([2]))
    return both, tape.op("Concat", both, rest, axis=2)


def scores_of(q: str, keys: str, scale: float, size: int | None, dtype: str, tape: Tape) -> str:
    """Products of queries and transposed keys, times `scale`; 0: over the root of a head's size."""
    scores = tape.op("MatMul", q, keys)
    if scale == 0.0 and size is None:
        length = tape.cast(Size(None, q, 3).scalar(tape), dtype)
        return tape.op("Div", scores, tape.op("Sqrt", length))
    factor = scale or 1 / math.sqrt(size or 1)
    return tape.op("Mul", scores, tape.const(np.float32(factor), dtype))


def weighted(scores: str, biases: Sequence[str], values: str, tape: Tape) -> tuple[str, str]:
    """The mean of the values by the scores and their biases, and the sum of these two."""
    for bias in biases:
        scores = tape.op("Add", scores, bias)
    return tape.op("MatMul", tape.op("Softmax", scores, axis=-1), values), scores
