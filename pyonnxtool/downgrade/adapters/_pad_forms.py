"""Padding without Pad: blocks put beside the data, or elements of it picked by their places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.open_sizes import Size, Sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

Pads = Sequence[tuple[Size, Size]]
"""For each axis how much is put before and after; less than nothing is taken away."""

_END = np.iinfo(np.int64).max


def padded(tape: Tape, data: Operand, pads: Pads, mode: str, fill: str) -> str:
    """The data with these pads, `fill` being the element of mode "constant".

    What pads take away goes first, as in onnxruntime. Pre: the rank is known, and `pads` as long.
    """
    sizes = Sizes(tape)
    if mode == "constant":
        return _by_blocks(tape, sizes, data, pads, fill)
    value: str = data
    for axis, (before, after) in enumerate(pads):
        if (before, after) != (0, 0):
            places = _places(tape, sizes, sizes.of(data, axis), (before, after), mode)
            value = tape.op("Gather", value, places, axis=axis)
    return value


def _by_blocks(tape: Tape, sizes: Sizes, data: Operand, pads: Pads, fill: str) -> str:
    shape, value = sizes.all(data), str(data)
    for axis, (before, after) in enumerate(pads):
        lost = _positive(tape, _negated(tape, before)), _positive(tape, _negated(tape, after))
        if lost != (0, 0):
            value = _cropped(tape, sizes, value, shape[axis], axis, lost)
            shape[axis] = _less(tape, sizes, shape[axis], *lost)
    for axis, (before, after) in enumerate(pads):
        pieces = [value]
        for place, count in ((0, _positive(tape, before)), (2, _positive(tape, after))):
            if count == 0:
                continue
            block = tape.op(
                "Expand", fill, sizes.joined([*shape[:axis], count, *shape[axis + 1 :]])
            )
            pieces.insert(place, block)

        if len(pieces) > 1:
            value = tape.op("Concat", *pieces, axis=axis)
            for count in (before, after):
                shape[axis] = sizes.sum(shape[axis], _positive(tape, count))
    return value


def _cropped(
    tape: Tape, sizes: Sizes, value: str, size: Size, axis: int, lost: tuple[Size, Size]
) -> str:
    start, end = lost
    if isinstance(start, int) and isinstance(end, int):
        return _sliced(tape, value, axis, tape.ints([start]), tape.ints([-end if end else _END]))
    stop = tape.op("Sub", sizes.tensor(size), sizes.tensor(end))
    return _sliced(tape, value, axis, sizes.tensor(start), stop)


def _sliced(tape: Tape, value: str, axis: int, start: str, end: str) -> str:
    return tape.op("Slice", value, start, end, tape.ints([axis]))


def _places(tape: Tape, sizes: Sizes, size: Size, pad: tuple[Size, Size], mode: str) -> str:
    """Where along an axis each element of the padded axis comes from."""
    before, after = pad
    if isinstance(size, int) and isinstance(before, int) and isinstance(after, int):
        return tape.const(_known_places(size, before, after, mode))
    lost = _positive(tape, _negated(tape, before)), _positive(tape, _negated(tape, after))
    first = _positive(tape, before)
    kept = _less(tape, sizes, size, *lost)
    total = sizes.sum(sizes.sum(kept, first), _positive(tape, after))
    count = sizes.tensor(kept)
    place = sizes.iota(total)
    if first != 0:
        place = tape.op("Sub", place, sizes.tensor(first))
    zero, one = tape.ints([0]), tape.ints([1])
    last = tape.op("Sub", count, one)
    if mode == "wrap":
        found = tape.op("Mod", place, count)
    elif mode == "reflect":
        found = _mirrored(tape, place, count, last)
    else:
        below = tape.op("Where", tape.op("Less", place, count), place, last)
        found = tape.op("Where", tape.op("Less", below, zero), zero, below)
    return found if lost[0] == 0 else tape.op("Add", found, sizes.tensor(lost[0]))


def _mirrored(tape: Tape, place: str, count: str, last: str) -> str:
    period = tape.op("Add", last, last)
    alone = tape.op("Equal", last, tape.ints([0]))  # one element: it is its own mirror
    turned = tape.op("Mod", place, tape.op("Where", alone, tape.ints([1]), period))
    back = tape.op("Sub", period, turned)
    return tape.op("Where", tape.op("Less", turned, count), turned, back)


def _known_places(size: int, before: int, after: int, mode: str) -> NDArray[np.int64]:
    start = max(-before, 0)
    count = size - start - max(-after, 0)
    places = np.arange(-max(before, 0), count + max(after, 0))
    last = max(count - 1, 0)
    if mode == "wrap":
        places %= max(count, 1)
    elif mode == "reflect":
        places %= max(2 * last, 1)
        places = np.minimum(places, 2 * last - places)
    else:
        places = np.clip(places, 0, last)
    return places.astype(np.int64) + start


def _positive(tape: Tape, size: Size) -> Size:
    if isinstance(size, int):
        return max(size, 0)
    zero = tape.ints([0])
    return tape.op("Where", tape.op("Less", size, zero), zero, size)


def _negated(tape: Tape, size: Size) -> Size:
    return -size if isinstance(size, int) else tape.op("Neg", size)


def _less(tape: Tape, sizes: Sizes, size: Size, *lost: Size) -> Size:
    for one in lost:
        if isinstance(size, int) and isinstance(one, int):
            size -= one
        elif one != 0:
            size = tape.op("Sub", sizes.tensor(size), sizes.tensor(one))
    return size
