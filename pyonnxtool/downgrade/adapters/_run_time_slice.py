"""The places that a Slice takes of an axis, for what only numbers, or only attributes, can say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.tape import Tape

END = 2**63 - 1
_FAR = 2**31 - 1
"""A bound from here on means the end of the axis."""


@dataclass(frozen=True)
class Cut:
    """What is taken of one axis: numbers, or names of int64 tensors of one element."""

    axis: int
    start: Size
    end: Size
    step: Size
    never_negative: bool = False
    """Whether neither start nor end counts from the end of the axis."""

    @property
    def is_plain(self) -> bool:
        """Whether attributes say it."""
        known = isinstance(self.start, int) and isinstance(self.end, int)
        return known and self.step == 1 and not self.is_whole

    @property
    def goes_the_wrong_way(self) -> bool:
        """Whether it goes back although its end is behind all: onnxruntime takes that for 0."""
        back = isinstance(self.step, int) and self.step < 0
        return back and isinstance(self.end, int) and self.end >= _FAR

    @property
    def is_whole(self) -> bool:
        """Whether it takes all, whatever the size."""
        return (self.start, self.step) == (0, 1) and isinstance(self.end, int) and self.end >= _FAR


def known_places(cut: Cut, size: Size) -> list[int] | None:
    """The indices where all of it is known, else None."""
    start, end, step = cut.start, cut.end, cut.step
    if not (isinstance(start, int) and isinstance(end, int)):
        return None
    if not (isinstance(step, int) and isinstance(size, int)):
        return None
    start, end = (one + size if one < 0 else one for one in (start, end))
    if step > 0:
        return list(range(max(start, 0), min(end, size), step))
    return list(range(min(max(start, 0), size - 1), max(end, -1), step))


def cut_places(tape: Tape, cut: Cut, size: Size) -> str:
    """The indices, as a 1-D int64 tensor that is computed when the model runs."""
    ints, step = _Ints(tape), cut.step
    start, end = cut.start, cut.end
    if not cut.never_negative:
        start, end = (_wrapped(ints, one, size) for one in (start, end))
    if cut.never_negative and (start, step) == (0, 1):
        return Sizes(tape).iota(ints.least(end, size))
    if isinstance(step, int):
        found = (_ahead if step > 0 else _back)(ints, start, end, size)
        return _stepped(ints, *found, step)
    forward = tape.op("Greater", step, tape.ints([0]))
    pairs = zip(_ahead(ints, start, end, size), _back(ints, start, end, size), strict=True)
    first, span = (
        tape.op("Where", forward, ints.tensor(one), ints.tensor(other)) for one, other in pairs
    )
    return _stepped(ints, first, span, step)


def _wrapped(ints: _Ints, bound: Size, size: Size) -> Size:
    """A negative bound counts from the end of the axis."""
    if isinstance(bound, int):
        return ints.add(bound, size) if -_FAR <= bound < 0 else bound
    is_negative = ints.tape.op("Less", bound, ints.tape.ints([0]))
    return ints.tape.op("Where", is_negative, ints.tensor(ints.add(bound, size)), bound)


def _ahead(ints: _Ints, start: Size, end: Size, size: Size) -> tuple[Size, Size]:
    """The first place, and how far from it the last one may be at most."""
    first = ints.most(start, 0)
    if isinstance(end, int) and end >= _FAR:
        end = size
    last = ints.least(end, size)
    return first, ints.sub(ints.most(last, first), first)  # in this order nothing overflows


def _back(ints: _Ints, start: Size, end: Size, size: Size) -> tuple[Size, Size]:
    last = ints.add(size, -1)
    first = last if isinstance(start, int) and start >= _FAR else None
    if first is None:
        first = ints.least(ints.most(start, 0), last)
    return first, ints.most(ints.sub(first, ints.most(end, -1)), 0)


def _stepped(ints: _Ints, first: Size, span: Size, step: Size) -> str:
    tape = ints.tape
    width = abs(step) if isinstance(step, int) else tape.op("Abs", step)
    count = span
    if width != 1:
        more = ints.add(span, ints.add(width, -1))
        count = tape.op("Div", ints.tensor(more), ints.tensor(width))
    places = Sizes(tape).iota(count)
    if step != 1:
        places = tape.op("Mul", places, ints.tensor(step))
    return places if first == 0 else tape.op("Add", places, ints.tensor(first))


class _Ints:
    """Arithmetic of sizes, at once where both are numbers."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def tensor(self, one: Size) -> str:
        return self.tape.ints([one]) if isinstance(one, int) else one

    def add(self, one: Size, other: Size) -> Size:
        if isinstance(one, int) and isinstance(other, int):
            return one + other
        if 0 in (one, other):
            return other if one == 0 else one
        return self.tape.op("Add", self.tensor(one), self.tensor(other))

    def sub(self, one: Size, other: Size) -> Size:
        if isinstance(one, int) and isinstance(other, int):
            return one - other
        return one if other == 0 else self.tape.op("Sub", self.tensor(one), self.tensor(other))

    def least(self, one: Size, other: Size) -> Size:
        if isinstance(one, int) and isinstance(other, int):
            return min(one, other)
        return one if one == other else self._either("Less", one, other)

    def most(self, one: Size, other: Size) -> Size:
        if isinstance(one, int) and isinstance(other, int):
            return max(one, other)
        return one if one == other else self._either("Greater", one, other)

    def _either(self, relation: str, one: Size, other: Size) -> str:
        first, second = self.tensor(one), self.tensor(other)
        return self.tape.op("Where", self.tape.op(relation, first, second), first, second)
