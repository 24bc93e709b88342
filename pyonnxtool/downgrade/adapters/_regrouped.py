"""Reshapes whose sizes may be open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyonnxtool.rewriting.open_sizes import Size, Sizes
    from pyonnxtool.rewriting.tape import Tape


def regrouped(
    tape: Tape, sizes: Sizes, value: str, shape: Sequence[Size], *, keeps_first: bool = False
) -> str:
    """The value in another shape; constant where at most one size of it is open.

    `keeps_first`: the first size is that of the value, so that it need not be known either.
    """
    given = list(shape)
    if keeps_first and isinstance(given[0], str):
        given[0] = 0
    is_open = [place for place, size in enumerate(given) if isinstance(size, str)]
    if len(is_open) == 1 and 0 not in given[1:]:
        given[is_open[0]] = -1
    return tape.op("Reshape", value, sizes.joined(given))
