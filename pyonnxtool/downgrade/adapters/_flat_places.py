"""Places in a tensor that is seen as one axis, from places along its axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._indices import from_the_front

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size, Sizes
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

SMALL = 4096
"""Elements up to which a constant is written out where a few nodes would make it as well."""


def tuples_of(node: NodeView) -> tuple[tuple[int | None, ...], int, int] | Refusal:
    """Shape of the indices of ScatterND, how long each tuple is, and the rank of the data."""
    shape, rank = node["indices"].shape, node["data"].rank
    length = shape[-1] if shape else None
    if shape is None or length is None or rank is None:
        return node.refuse_dynamic("the length of its index tuples")
    if not 0 < length <= rank:
        return node.refuse(f"tuples of {length} places do not fit data of rank {rank}")
    return shape, length, rank


def strides(sizes: Sizes, shape: Sequence[Size]) -> list[Size]:
    """How far apart neighbours along each axis are."""
    return [sizes.product(shape[axis + 1 :]) for axis in range(len(shape))]


def own_places(
    tape: Tape,
    sizes: Sizes,
    shape: Sequence[Size],
    steps: Sequence[Size],
    *,
    skip: int | None = None,
    start: Size = 0,
) -> str | None:
    """What the place of each element along all axes but `skip` adds up to, `steps` far apart.

    A tensor that broadcasts to `shape`, counted from `start`; None where there is nothing to add.
    """
    rank = len(shape)
    used = [axis for axis in range(rank) if axis != skip and shape[axis] != 1]
    numbers = [start, *(one for axis in used for one in (shape[axis], steps[axis]))]
    if not used and start == 0:
        return None
    if all(isinstance(one, int) for one in numbers):
        total = np.full([1] * rank, start, np.int64)
        for axis in used:
            total = total + along(int(shape[axis]), axis, rank) * int(steps[axis])
        if total.size <= SMALL:
            return tape.const(total)
    parts: list[str] = []
    for axis in used:
        size, step = shape[axis], steps[axis]
        if isinstance(size, int) and isinstance(step, int):
            parts.append(tape.const(along(size, axis, rank) * step))
        else:
            parts.append(times(tape, sizes, sizes.iota_along(size, axis, rank), step))
    if start != 0:
        parts.append(tape.op("Reshape", sizes.tensor(start), tape.ints([1] * rank)))
    found = parts[0]
    for part in parts[1:]:
        found = tape.op("Add", found, part)
    return found


def along(size: int, axis: int, rank: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """0, 1, ... along one axis of several."""
    return np.arange(size, dtype=np.int64).reshape(
        [size if one == axis else 1 for one in range(rank)]
    )


def times(tape: Tape, sizes: Sizes, value: str, step: Size) -> str:
    """`value` times a size."""
    return value if step == 1 else tape.op("Mul", value, sizes.tensor(step))


def of_tuples(tape: Tape, sizes: Sizes, indices: Operand, shape: Sequence[Size]) -> str:
    """Of tuples of places (along the last axis) in a tensor of this shape: one place each.

    Pre: the rank of `indices` is known, and its last axis is as long as `shape`.
    """
    last = (indices.rank or 1) - 1
    steps, known = strides(sizes, shape), indices.const
    if known is not None and all(isinstance(size, int) for size in shape):
        numbers = known + np.where(known < 0, np.array(shape, np.int64), 0)
        return tape.const((numbers * np.array(steps, np.int64)).sum(-1))
    front = from_the_front(tape, indices, lambda: shape, sizes)
    if len(shape) == 1:
        return tape.op("Squeeze", front, axes=[last])
    scaled = tape.op("Mul", front, sizes.joined(steps))
    return tape.op("ReduceSum", scaled, axes=[last], keepdims=0)
