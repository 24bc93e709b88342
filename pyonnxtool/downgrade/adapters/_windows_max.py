"""The largest element of each window by Gather, with its place: MaxPool has less below."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._windows import MOST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.downgrade.adapters._windows import Windows
    from pyonnxtool.rewriting import Refusal
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def largest(node: NodeView, axes: list[Windows], tape: Tape) -> str | Refusal:
    """One axis after the other: a Gather of its windows, and the largest of each."""
    value = str(node.arg(0))
    for at, one in enumerate(axes, 2):
        if one.size is None:
            return node.refuse_dynamic(f"the size of axis {at}")
        taps = _taps(one) if one.table <= MOST else None
        if taps is None:
            return node.refuse(f"windows along axis {at} have nothing but padding, or are too many")
        if one.kernel == 1 and np.array_equal(taps[:, 0], np.arange(one.size)):
            continue
        value = tape.op("Gather", value, tape.const(taps), axis=at)
        value = tape.op("ReduceMax", value, axes=[at + 1], keepdims=0)
    return value


def largest_and_where(node: NodeView, axes: list[Windows], tape: Tape) -> tuple[str, str] | Refusal:
    """Also its index in the flattened tensor; the first one of equal elements."""
    shape = node.arg(0).static_shape
    if shape is None:
        return node.refuse_dynamic("its shape")
    if any(one.table > MOST for one in axes):
        return node.refuse("a table of its windows would be of absurd size")
    taps = [_taps(one) for one in axes]
    known = [one for one in taps if one is not None]
    if len(known) < len(axes):
        return node.refuse("windows have nothing but padding")
    sizes, out = shape[2:], [len(one) for one in known]
    if math.prod(one.size for one in known) > MOST:
        return node.refuse("a table of its windows would be of absurd size")
    table = _flat(known, sizes, "C")
    order = "F" if node.attr("storage_order", 0) else "C"
    windows, kernel = table.shape
    flat = tape.op("Reshape", node.arg(0), tape.ints([*shape[:2], -1]))
    gathered = tape.op("Gather", flat, tape.const(table), axis=2)
    found = tape.op("ArgMax", gathered, axis=3, keepdims=0)
    rows = tape.const(np.arange(windows, dtype=np.int64) * kernel)
    places = tape.const(_flat(known, sizes, order).ravel())
    place = tape.op("Gather", places, tape.op("Add", found, rows), axis=0)
    channels = np.arange(math.prod(shape[:2]), dtype=np.int64).reshape(*shape[:2], 1)
    place = tape.op("Add", place, tape.const(channels * math.prod(sizes)))
    value = tape.op("ReduceMax", gathered, axes=[3], keepdims=0)
    target = tape.ints([*shape[:2], *out])
    return tape.op("Reshape", value, target), tape.op("Reshape", place, target)


def _taps(one: Windows) -> NDArray[np.int64] | None:
    """Element of each window and tap; padding is another element of the same window.

    None when a window has no other element.
    """
    assert one.size is not None and one.count is not None
    first = np.arange(one.count, dtype=np.int64)[:, None] * one.stride - one.begin
    taps = first + np.arange(one.kernel, dtype=np.int64) * one.dilation
    inside = (taps >= 0) & (taps < one.size)
    if not inside.any(1).all():
        return None
    any_inside = np.take_along_axis(taps, inside.argmax(1)[:, None], 1)
    found: NDArray[np.int64] = np.where(inside, taps, any_inside)
    return found


def _flat(taps: list[NDArray[np.int64]], sizes: tuple[int, ...], order: str) -> NDArray[np.int64]:
    """Index among all spatial elements, for each window and each tap of it, row by row."""
    steps = [math.prod(sizes[at + 1 :]) for at in range(len(sizes))]
    if order == "F":
        steps = [math.prod(sizes[:at]) for at in range(len(sizes))]
    rank = len(sizes)
    total = np.zeros([1] * 2 * rank, np.int64)
    for at, (one, step) in enumerate(zip(taps, steps, strict=True)):
        shape = [1] * 2 * rank
        shape[at], shape[rank + at] = one.shape
        total = total + (one * step).reshape(shape)
    return total.reshape(math.prod(total.shape[:rank]), math.prod(total.shape[rank:]))
