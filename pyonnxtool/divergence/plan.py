"""How a sweep is cut into chunks whose values fit the byte budget, and what each hands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool import _core
from pyonnxtool.divergence.probe import Side, Values, described, nbytes, shapes_of

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.backends import OutputType
    from pyonnxtool.divergence.compare import Array
    from pyonnxtool.divergence.views import View

_DOUBT = 4
"""A guessed size may be this many times too small before it matters."""


@dataclass(frozen=True)
class Pair:
    """A value of each model that should be equal. `sure`: same computation, by structure.

    `view`: the form in which the candidate holds the numbers, where it is another one.
    """

    reference: str
    candidate: str
    sure: bool = True
    view: View | None = None


def in_reference_form(pair: Pair, ours: object, theirs: object) -> object:
    """The candidate's value as it is compared with the reference's."""
    if pair.view is None or not isinstance(ours, np.ndarray) or not isinstance(theirs, np.ndarray):
        return theirs
    return pair.view.to_reference(theirs, ours.shape)


def in_candidate_form(pair: Pair, ours: Array, shapes: Mapping[str, tuple[int, ...]]) -> Array:
    """The reference's value as the candidate's nodes want it.

    `shapes` are those of the candidate's values, as far as they are known.
    """
    return ours if pair.view is None else pair.view.to_candidate(ours, shapes.get(pair.candidate))


@dataclass
class Chunk:
    """Pairs that are compared together, and the values that later chunks read."""

    pairs: list[Pair]
    keep_reference: set[str] = field(default_factory=set)
    keep_candidate: set[str] = field(default_factory=set)


def unsure(types: Mapping[str, OutputType]) -> list[str]:
    """Names of the tensors whose sizes the runtime did not infer."""
    return [
        name
        for name, (dtype, shape) in types.items()
        if dtype and not all(isinstance(dim, int) for dim in shape or ())
    ]


def value_sizes(
    reference: Side, types: Mapping[str, OutputType], feeds: Values, limit: int
) -> dict[str, int]:
    """Bytes of each value, as the runtime infers them from the shapes of the inputs.

    A dim that it cannot infer is guessed to be as long as all input dims together. Where that
    leaves room for doubt, a run that returns nothing but shapes tells.
    """
    guess = sum(dim for _, shape in described(feeds).values() for dim in shape or ())
    sizes = {name: nbytes(dtype, shape, guess) for name, (dtype, shape) in types.items()}
    guessed = unsure(types)
    doubt = _DOUBT * sum(sizes[name] for name in guessed)
    if guessed and sum(sizes.values()) + doubt > limit:
        for name, shape in shapes_of(reference, feeds, guessed).items():
            sizes[name] = nbytes(types[name][0], shape)
    return sizes


def plan_chunks(
    reference: Model,
    candidate: Model,
    pairs: Sequence[Pair],
    sizes: Mapping[str, int],
    limit: int,
) -> list[Chunk]:
    """Chunks in the reference's topological order, each of up to `limit` bytes of its values.

    A value that is larger than the limit is a chunk of its own.
    """
    place = {name: i for i, name in enumerate(_core.produced_values(reference))}
    chunks: list[Chunk] = []
    room = 0
    for pair in sorted(pairs, key=lambda pair: place.get(pair.reference, -1)):
        size = sizes.get(pair.reference, 0)
        if not chunks or (size > room and chunks[-1].pairs):
            chunks.append(Chunk([]))
            room = limit
        chunks[-1].pairs.append(pair)
        room -= size
    for index, chunk in enumerate(chunks[:-1]):
        done = [pair for earlier in chunks[: index + 1] for pair in earlier.pairs]
        later = [pair for rest in chunks[index + 1 :] for pair in rest.pairs]
        _decide_what_to_keep(reference, candidate, chunk, done, later)
    return chunks


def _decide_what_to_keep(
    reference: Model, candidate: Model, chunk: Chunk, done: list[Pair], later: list[Pair]
) -> None:
    source = {pair.candidate: pair.reference for pair in (*done, *later)}
    ours = {pair.reference for pair in done}
    theirs = {pair.candidate for pair in done}
    asked = list({pair.reference for pair in later} - ours)
    asked_of_candidate = [pair.candidate for pair in later]
    chunk.keep_reference = ours & set(_core.frontier(reference, list(ours), asked))
    chunk.keep_candidate = theirs & set(_core.frontier(candidate, list(theirs), asked_of_candidate))
    read = _core.frontier(candidate, list(source), asked_of_candidate, True)
    chunk.keep_reference |= ours & {source[name] for name in read if name in source}
    # A value may be asked for again, to be compared with another of the candidate.
    chunk.keep_reference |= ours & {pair.reference for pair in later}
