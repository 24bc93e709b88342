"""One model made of two: some steps are run on the candidate, the others on the reference.

Nothing of a whole graph is marked as an output. Each stretch of steps is a model of its own that
gives what later stretches read, so a runtime fuses within it whatever it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.divergence.compare import dtype_of
from pyonnxtool.divergence.plan import Pair, in_candidate_form, in_reference_form
from pyonnxtool.divergence.probe import Sample, Side, Values, described, open_part
from pyonnxtool.divergence.search.frontiers import Frontiers
from pyonnxtool.errors import BackendError
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.case import Case

Span = tuple[int, int]
"""Steps from the first up to, and without, the last."""


@dataclass(frozen=True)
class _Stretch:
    """Neighbouring steps that one side computes, and the steps whose values it has to give."""

    on_candidate: bool
    start: int
    wanted: tuple[int, ...]


class Mixture:
    """Runs mixtures of the two sides on one sample."""

    def __init__(self, case: Case, frontiers: Frontiers, sample: Sample) -> None:
        self._case, self._frontiers, self._sample = case, frontiers, sample
        self._pairs = frontiers.pairs
        place = {pair.candidate: index for index, pair in enumerate(self._pairs)}
        self._outputs = [place[pair.candidate] for pair in case.outputs]
        self._first: dict[str, int] = {}
        for index, pair in enumerate(self._pairs):
            self._first.setdefault(pair.reference, index)
        self._dtypes = _dtypes_to_keep(case, self._pairs)

    def outputs(self, spans: Iterable[Span], cuts: Sequence[int] = ()) -> Values:
        """The final outputs, in the reference's form, with these steps run on the candidate.

        `cuts` are places where a side is cut though it goes on.
        """
        held = self.values(spans, self._outputs, cuts)
        return {self._pairs[index].candidate: held[index] for index in self._outputs}

    def values(
        self, spans: Iterable[Span], wanted: Sequence[int], cuts: Sequence[int] = ()
    ) -> dict[int, Any]:
        """The values that these steps make, in the reference's form.

        Raises BackendError where a part cannot be run, or a value is no tensor.
        """
        held: dict[int, _Held] = {}
        self._case.reference.begin(self._sample.number, self._sample.reference)
        for stretch in self._stretches(spans, wanted, cuts):
            held |= self._run(stretch, held)
        return {
            index: self._as_reference(index, held[self._alias(index, held)]) for index in wanted
        }

    def frontier(self, cut: int) -> tuple[str, ...]:
        """The candidate's names of the values that the rest of the reference reads at a cut."""
        wanted = [index for index in self._outputs if index >= cut]
        return tuple(self._pairs[index].candidate for index in self._read(False, cut, wanted))

    def made_for_later(self, span: Span) -> list[int]:
        """Steps of the span whose values the reference reads after it, or that are outputs."""
        start, end = span
        later = [index for index in self._outputs if index >= end]
        read = self._read(False, end, later) if later else []
        return sorted({*read, *self._outputs} & set(range(start, end)))

    def read_by(self, span: Span) -> list[int]:
        """Steps before the span whose values the candidate reads in it."""
        return self._read(True, span[0], self.made_for_later(span))

    # -- what is run --------------------------------------------------------------------------

    def _stretches(
        self, spans: Iterable[Span], wanted: Sequence[int], cuts: Sequence[int]
    ) -> list[_Stretch]:
        """From the last to the first: what a stretch has to give is what later ones read."""
        found: list[_Stretch] = []
        needed = set(wanted)
        for on_candidate, start, end in reversed(_runs(spans, len(self._pairs), cuts)):
            given = set() if on_candidate else {p.reference for p in self._pairs[:start]}
            mine = sorted(index for index in needed if start <= index < end)
            # A value of the reference that stands for two of the candidate is computed once.
            doubled = {i for i in mine if not on_candidate and self._pairs[i].reference in given}
            mine = [index for index in mine if index not in doubled]
            needed -= {*mine, *doubled}
            needed |= {self._first[self._pairs[index].reference] for index in doubled}
            if mine:
                found.append(_Stretch(on_candidate, start, tuple(mine)))
                needed |= set(self._read(on_candidate, start, mine))
        return found[::-1]

    def _read(self, on_candidate: bool, start: int, wanted: Sequence[int]) -> list[int]:
        """The steps before `start` whose values are read to compute the wanted ones."""
        names = self._names(on_candidate)
        place: dict[str, int] = {}
        for index in range(start):
            place.setdefault(names[index], index)
        targets = [names[index] for index in wanted if names[index] not in place]
        if not targets:
            return []
        read = _core.frontier(self._side(on_candidate).model, list(place), targets)
        return sorted(place[name] for name in read if name in place)

    def _run(self, stretch: _Stretch, held: dict[int, _Held]) -> dict[int, _Held]:
        side, names = self._side(stretch.on_candidate), self._names(stretch.on_candidate)
        read = self._read(stretch.on_candidate, stretch.start, stretch.wanted)
        fed = {names[index]: self._form(stretch.on_candidate, index, held[index]) for index in read}
        feeds = self._sample.candidate if stretch.on_candidate else self._sample.reference
        targets = list(dict.fromkeys(names[index] for index in stretch.wanted))
        part = open_part(side, described(fed), targets)
        try:
            made = part.run({**feeds, **fed})
        finally:
            part.close()
        side.runs += 1
        return {i: _Held(stretch.on_candidate, made[names[i]]) for i in stretch.wanted}

    # -- from side to side --------------------------------------------------------------------

    def _form(self, on_candidate: bool, index: int, value: _Held) -> Any:
        """A value as this side's model takes it."""
        if not isinstance(value.array, np.ndarray):
            raise BackendError(f"{self._pairs[index].candidate!r} is no tensor: it cannot be fed")
        array = value.array
        if value.on_candidate == on_candidate:
            return array
        pair = self._pairs[index]
        if pair.view is not None:
            array = self._viewed(pair, array, on_candidate)
        name = pair.candidate if on_candidate else pair.reference
        wanted = self._dtypes.get((on_candidate, name))
        if wanted is not None and dtype_of(array) != wanted:
            with np.errstate(all="ignore"):  # what does not fit becomes infinite, as in a Cast
                array = array.astype(numpy_dtype(wanted))
        return array

    def _viewed(self, pair: Pair, array: Any, to_candidate: bool) -> Any:
        shape = self._shape(pair, to_candidate)
        if shape is None:
            raise BackendError(f"the shape that {pair.candidate!r} has is not known")
        if to_candidate:
            return in_candidate_form(pair, array, {pair.candidate: shape})
        return in_reference_form(pair, np.empty(shape, np.bool_), array)

    def _shape(self, pair: Pair, of_candidate: bool) -> tuple[int, ...] | None:
        """Asks the side for the value itself, once."""
        side = self._side(of_candidate)
        name = pair.candidate if of_candidate else pair.reference
        feeds = self._sample.candidate if of_candidate else self._sample.reference
        known = _static_shape(side.model, name)
        if known is None:
            part = open_part(side, {}, [name])
            try:
                made = part.run(dict(feeds))[name]
            finally:
                part.close()
            side.runs += 1
            known = made.shape if isinstance(made, np.ndarray) else None
        return known

    def _as_reference(self, index: int, value: _Held) -> Any:
        pair = self._pairs[index]
        if value.on_candidate and pair.view is not None and isinstance(value.array, np.ndarray):
            return self._viewed(pair, value.array, False)
        return value.array

    def _alias(self, index: int, held: dict[int, _Held]) -> int:
        return index if index in held else self._first[self._pairs[index].reference]

    def _side(self, on_candidate: bool) -> Side:
        return self._case.candidate if on_candidate else self._case.reference

    def _names(self, on_candidate: bool) -> list[str]:
        return [pair.candidate if on_candidate else pair.reference for pair in self._pairs]


@dataclass(frozen=True)
class _Held:
    """A value, in the form of the side that made it."""

    on_candidate: bool
    array: Any


def _runs(spans: Iterable[Span], count: int, cuts: Sequence[int]) -> list[tuple[bool, int, int]]:
    """Stretches of one side each, as long as they can be, that cover all steps."""
    taken = sorted(span for span in spans if span[0] < span[1])
    ends = sorted({0, count, *cuts, *(end for span in taken for end in span)})
    found: list[tuple[bool, int, int]] = []
    for start, end in pairwise(ends):
        on_candidate = any(first <= start < last for first, last in taken)
        if found and found[-1][0] == on_candidate and start not in cuts:
            found[-1] = (on_candidate, found[-1][1], end)
        else:
            found.append((on_candidate, start, end))
    return found


def _dtypes_to_keep(case: Case, pairs: Sequence[Pair]) -> dict[tuple[bool, str], str]:
    """The dtype of each paired value on each side, where the models differ in precision.

    Models declare the types of their values or leave them to be inferred; then a session tells
    them, which nothing is run on.
    """
    found: dict[tuple[bool, str], str] = {}
    sides = ((False, case.reference), (True, case.candidate))
    if _precisions(case.reference.model) == _precisions(case.candidate.model):
        return found
    for on_candidate, side in sides:
        names = [pair.candidate if on_candidate else pair.reference for pair in pairs]
        part = open_part(side, {}, list(dict.fromkeys(names)))
        types = part.session.output_types
        for name, produced in zip(part.outputs, part.produced, strict=True):
            dtype = types[produced][0] if produced in types else None
            dtype = dtype or side.model.graph.value(name).dtype
            if dtype is not None:
                found[on_candidate, name] = dtype
        part.close()
    return found


def _precisions(model: Model) -> set[str]:
    """The kinds of floating point numbers among the weights and inputs."""
    dtypes = {tensor.dtype for tensor in model.graph.initializers}
    dtypes |= {value.dtype or "" for value in model.graph.inputs}
    return {dtype for dtype in dtypes if "float" in dtype}


def _static_shape(model: Model, name: str) -> tuple[int, ...] | None:
    shape = model.graph.value(name).shape
    if shape is None or not all(isinstance(dim, int) for dim in shape):
        return None
    return tuple(dim for dim in shape if isinstance(dim, int))
