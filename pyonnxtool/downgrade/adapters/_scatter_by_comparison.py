"""Scatter where there is none: for each element, which update falls on it, and a Gather."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.open_sizes import Size, Sizes
    from pyonnxtool.rewriting.tape import Tape


def scattered(
    tape: Tape,
    sizes: Sizes,
    data: tuple[str, Size],
    places: str | NDArray[np.int64],
    updates: tuple[str, Size],
) -> str:
    """1-D data with 1-D updates put at their places; both with their sizes.

    Of several updates of one place the last one holds. The places are counted from the front.
    """
    (value, size), (news, count) = data, updates
    both = tape.op("Concat", value, news, axis=0)
    if not isinstance(places, str) and isinstance(size, int):
        picked = np.arange(size)
        picked[places] = size + np.arange(places.size)
        return tape.op("Gather", both, tape.ints(picked), axis=0)
    given = places if isinstance(places, str) else tape.ints(places)
    column = sizes.iota_along(size, 0, 2)
    meets = tape.op("Equal", tape.op("Unsqueeze", given, axes=[0]), column)
    numbers = tape.op("Add", sizes.iota(count), tape.ints([1]))
    found = tape.op("Mul", tape.cast(meets, "int64"), numbers)
    # Nothing is appended, so that there is a largest number where there are no updates at all.
    rows = tape.op("Mul", column, tape.ints([0]))
    last = tape.op("ReduceMax", tape.op("Concat", found, rows, axis=1), axes=[1], keepdims=0)
    hit = tape.cast(tape.cast(last, "bool"), "int64")
    own = sizes.iota(size)
    before = tape.op("Sub", sizes.tensor(size), tape.ints([1]))
    away = tape.op("Sub", tape.op("Add", last, before), own)
    picked_at = tape.op("Add", own, tape.op("Mul", hit, away))
    return tape.op("Gather", both, picked_at, axis=0)
