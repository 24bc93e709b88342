"""Delta debugging: the few items that are enough to keep something true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")

_Kept = tuple[int, ...]
"""Positions in the given items, in order: what a subset is known by."""


def ddmin(items: Sequence[T], holds: Callable[[Sequence[T]], bool]) -> list[T]:
    """A 1-minimal sublist of `items` for which `holds` is true.

    `holds(items)` has to be true and is not asked. `holds` has to be deterministic; it need not be
    monotone. It gets the items in their order, each subset once (answers are kept by position, so
    items need not be hashable), and may get the empty list. Whatever it raises ends the search.

    1-minimal: `holds` is false for the result without any one of its items. That is not the
    smallest sublist there is. At most n² + 3n calls; about 2 log2 n when one item is enough.

    The algorithm is `ddmin` of Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
    Input", IEEE TSE 28 (2002), figure 4.
    """
    answers: dict[_Kept, bool] = {}

    def kept(positions: _Kept) -> bool:
        if positions not in answers:
            answers[positions] = holds([items[position] for position in positions])
        return answers[positions]

    current: _Kept = tuple(range(len(items)))
    pieces = 2
    while len(current) > 1:
        parts = _cut(current, pieces)
        part = next((part for part in parts if kept(part)), None)
        if part is not None:
            current, pieces = part, 2
            continue
        rest = next((rest for rest in _without_each(current, parts) if kept(rest)), None)
        if rest is not None:
            current, pieces = rest, max(pieces - 1, 2)
        elif pieces < len(current):
            pieces = min(2 * pieces, len(current))
        else:
            break
    if len(current) == 1 and kept(()):
        return []
    return [items[position] for position in current]


def _cut(positions: _Kept, pieces: int) -> list[_Kept]:
    """`pieces` runs of neighbours whose lengths differ by one at most."""
    bounds = [len(positions) * piece // pieces for piece in range(pieces + 1)]
    return [positions[start:end] for start, end in pairwise(bounds)]


def _without_each(positions: _Kept, parts: list[_Kept]) -> list[_Kept]:
    return [tuple(one for one in positions if one not in set(part)) for part in parts]
