"""Tensors of a shape that is known or computed at run time, and may have sizes of 0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.downgrade.adapters._axes import reshape, unsqueezed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_SMALL = 1024
"""Elements that a constant may have instead of being computed."""


def may_be_empty(value: Operand) -> bool:
    """Whether it is not certain that the value has elements."""
    shape = value.static_shape
    return shape is None or 0 in shape


def reshaped(tape: Tape, value: str, shape: str, rank: int, empty: bool = True) -> str:
    """Reshape in which 0 is a size, as with `allowzero`, at opsets that have none.

    There a 0 takes the size that the input has at the same place. So all sizes of the input are
    made 0 where one is, unless it is certain not to be `empty`. `shape` has `rank` sizes, no -1.
    """
    if not empty:
        return tape.op("Reshape", value, shape)
    flat = reshape(tape, value, [-1])
    if rank > 1:
        flat = _emptied(tape, unsqueezed(tape, flat, range(1, rank)), tape.op("Shape", flat), rank)
    return tape.op("Reshape", flat, shape)


def _emptied(tape: Tape, column: str, count: str, rank: int) -> str:
    """The column of so many elements, where those are none without any size of 1."""
    ends = tape.op("Concat", *[count] * (rank - 1), axis=0) if rank > 2 else count
    if tape.opset >= 10:
        others = list(range(1, rank))
        return tape.op("Slice", column, tape.ints([0] * len(others)), ends, tape.ints(others))
    some = tape.cast(tape.cast(ends, "bool"), "int64")
    return tape.op("Tile", column, tape.op("Concat", tape.ints([1]), some, axis=0))


def filled_like(tape: Tape, value: Operand, element: NDArray[Any]) -> str:
    """One element, given as an array of it, in the shape of the value."""
    shape = value.static_shape
    if shape is not None and math.prod(shape) <= _SMALL:
        return tape.const(np.full(shape, element[0], element.dtype))
    return tape.op("ConstantOfShape", tape.op("Shape", value), value=element)
