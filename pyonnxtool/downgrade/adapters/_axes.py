"""Axes as they are written: counted from the front or the back, known or computed at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape


def from_front(node: NodeView, axes: Sequence[int], rank: int | None) -> list[int] | Refusal:
    """The axes counted from the front; `rank` is only asked for where one is negative."""
    if rank is None:
        if any(axis < 0 for axis in axes):
            return node.refuse_dynamic("the rank, from which a negative axis counts,")
        return list(axes)
    beyond = [axis for axis in axes if not -rank <= axis < rank]
    if beyond:
        return node.refuse(f"axis {beyond[0]} is outside of rank {rank}")
    return [axis % rank for axis in axes]


def chosen(tape: Tape, axes: Operand, rank: int) -> str:
    """A bool for each of `rank` axes: whether it is among `axes`, which may count from the back."""
    positions = tape.const(np.arange(rank).reshape(1, rank), "int64")
    listed = reshape(tape, axes, [-1, 1])
    from_back = tape.const(np.arange(rank).reshape(1, rank) - rank, "int64")
    hits = tape.op("Or", *(tape.op("Equal", listed, to) for to in (positions, from_back)))
    counted = total(tape, tape.cast(hits, "int32"), 0)
    return tape.cast(counted, "bool")


def total(tape: Tape, value: str, axis: int) -> str:
    """ReduceSum over an axis, which goes; 0 of nothing."""
    if tape.opset >= 13:
        return tape.op("ReduceSum", value, tape.ints([axis]), keepdims=0)
    return tape.op("ReduceSum", value, axes=[axis], keepdims=0)


def unsqueezed(tape: Tape, value: str, axes: Sequence[int]) -> str:
    """Unsqueeze as the tape's opset has it."""
    if tape.opset >= 13:
        return tape.op("Unsqueeze", value, tape.ints(axes))
    return tape.op("Unsqueeze", value, axes=list(axes))


def sliced(tape: Tape, value: str, starts: Sequence[int], ends: Sequence[int], axis: int) -> str:
    """Slice of one axis as the tape's opset has it."""
    if tape.opset >= 10:
        return tape.op("Slice", value, tape.ints(starts), tape.ints(ends), tape.ints([axis]))
    return tape.op("Slice", value, starts=list(starts), ends=list(ends), axes=[axis])


def reshape(tape: Tape, value: str, sizes: Sequence[int]) -> str:
    """Reshape to sizes that are known, but for one that may be -1."""
    return tape.op("Reshape", value, tape.ints(sizes))


def size_of(tape: Tape, value: str, axis: int) -> str:
    """The size of an axis that counts from the front, as a 1-D tensor of one element."""
    return tape.op("Gather", tape.op("Shape", value), tape.ints([axis]))
