"""Runs two models in step and compares their values on the way, within a byte budget.

Three streams go through the graphs together. The reference computes its values; the candidate
computes its own (their difference is the *accumulated* error); and the candidate, detached at
every paired value, computes each value from the reference's (the *introduced* error). When the
values do not fit the budget, the graphs are cut into chunks, and only what later chunks read is
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.divergence.compare import Comparison, compare
from pyonnxtool.divergence.plan import (
    Chunk,
    Pair,
    in_candidate_form,
    in_reference_form,
    plan_chunks,
    unsure,
    value_sizes,
)
from pyonnxtool.divergence.probe import (
    Feeds,
    Part,
    Sample,
    Side,
    Types,
    Values,
    as_type,
    described,
    open_part,
)
from pyonnxtool.errors import BackendError

if TYPE_CHECKING:
    from pyonnxtool.backends import OutputType

Progress = Callable[[str, int, int], None]

_SHARE_OF_BUDGET = 0.35
"""Of the budget, for one side's values: the other side's and what is kept need room as well."""


@dataclass
class Measured:
    """The worst that was seen of one pair over all samples."""

    pair: Pair
    accumulated: Comparison | None = None
    introduced: Comparison | None = None
    sample: int = 0
    error: str = ""
    """Why the candidate's part could not be run on its own."""
    alarm: int | None = None
    """The first sample in which a side holds NaN or Inf that is not the -Inf of a mask."""

    def take(self, sample: int, accumulated: Comparison) -> None:
        """Keep it when it is the worst so far."""
        if self.alarm is None and accumulated.alarming:
            self.alarm = sample
        if self.accumulated is None or accumulated.relative > self.accumulated.relative:
            self.accumulated, self.sample = accumulated, sample

    def take_introduced(self, introduced: Comparison) -> None:
        """Keep it when it is the worst so far."""
        if self.introduced is None or introduced.relative > self.introduced.relative:
            self.introduced = introduced


@dataclass
class Swept:
    """All pairs by the candidate's name, and the final outputs as the models really give them."""

    values: dict[str, Measured]
    outputs: dict[str, Measured] = field(default_factory=dict)
    watched: dict[str, Comparison] = field(default_factory=dict)
    """Final outputs of the untouched model against the same outputs when values are marked:
    "candidate:y" or "reference:y" to the worst difference."""
    chunks: int = 1
    types: dict[str, str] = field(default_factory=dict)
    """dtypes of the candidate's values, by name."""
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes of the candidate's values that are seen through a view, in the last sample."""


class Sweep:
    """One comparison of two sides. Sessions stay open between samples of equal shapes."""

    def __init__(
        self,
        reference: Side,
        candidate: Side,
        pairs: Sequence[Pair],
        outputs: Sequence[Pair],
        *,
        memory: int,
        introduced: bool = True,
        progress: Progress | None = None,
    ) -> None:
        self._reference, self._candidate = reference, candidate
        known = {pair.candidate for pair in pairs}
        self._pairs = [*pairs, *(pair for pair in outputs if pair.candidate not in known)]
        self._outputs = list(outputs)
        self._limit = int(memory * _SHARE_OF_BUDGET)
        self._introduced = introduced
        self._progress = progress or (lambda stage, done, total: None)
        self._pair_of = {pair.candidate: pair for pair in self._pairs}
        self._chunks: list[Chunk] = []
        self._parts: dict[tuple[str, int], tuple[object, Part]] = {}
        self._types: dict[str, str] = {}
        self._last = False
        self._done = self._total = 0
        self.result = Swept({pair.candidate: Measured(pair) for pair in self._pairs})

    def run(self, samples: Sequence[Sample]) -> Swept:
        """Compare on each sample."""
        self._total = len(samples)
        with ThreadPoolExecutor(1) as worker:
            try:
                for index, sample in enumerate(samples):
                    self._last = index + 1 == self._total
                    self._sample(worker, sample)
            finally:
                self._close_parts()
        self.result.chunks = len(self._chunks)
        self.result.types = self._types
        return self.result

    def _sample(self, worker: ThreadPoolExecutor, sample: Sample) -> None:
        self._reference.begin(sample.number, sample.reference)
        if not self._chunks:
            self._chunks = self._plan(sample)
        state = _State(sample.number, dict(sample.reference), dict(sample.candidate))
        for index in range(len(self._chunks)):
            self._run_chunk(worker, index, state, sample)
            self._done += 1
            self._progress("comparing", self._done, self._total * len(self._chunks))
        self._compare_outputs(state)

    # -- one chunk ----------------------------------------------------------------------------

    def _run_chunk(
        self, worker: ThreadPoolExecutor, index: int, state: _State, sample: Sample
    ) -> None:
        """Sessions are made here while the worker runs what is ready."""
        chunk = self._chunks[index]
        reference = self._part("reference", index, state.reference)
        state.submit(worker, self._run_side, self._reference, reference, state.reference)
        candidate = self._part("candidate", index, state.candidate)
        state.submit(worker, self._run_side, self._candidate, candidate, state.candidate)
        state.submit(worker, self._compare_accumulated, chunk, state)
        if index == 0:
            self._run_whole(worker, state, sample)
        if self._introduced:
            if not self._learn_types(candidate):
                state.wait()
            self._introduce(worker, index, state)
        state.wait()
        if len(self._chunks) > 1:
            self._close_parts()
        state.reference = self._kept(state.reference, chunk.keep_reference, state.whole_names)
        state.candidate = self._kept(state.candidate, chunk.keep_candidate, state.whole_names)

    def _run_whole(self, worker: ThreadPoolExecutor, state: _State, sample: Sample) -> None:
        """The untouched models, where marking values may change what they compute."""
        for side, feeds, values in (
            (self._reference, sample.reference, state.whole_reference),
            (self._candidate, sample.candidate, state.whole_candidate),
        ):
            if side.fuses:
                side.whole()  # opened here, run there
                state.submit(worker, _run_whole, side, feeds, self._last, values)

    def _run_side(self, side: Side, part: Part, values: Values) -> None:
        made = part.run(values)
        values.update(made)
        side.runs += 1
        self._used(part)
        if side is self._candidate:
            for name, (dtype, _) in described(made).items():
                assert dtype is not None
                self._types[name] = dtype

    def _used(self, part: Part) -> None:
        """A session that is not needed again is closed at once: its weights are mapped memory."""
        if self._last or len(self._chunks) > 1:
            part.close()

    def _compare_accumulated(self, chunk: Chunk, state: _State) -> None:
        for pair in chunk.pairs:
            theirs = state.candidate[pair.candidate]
            if pair.view is not None and isinstance(theirs, np.ndarray):
                self.result.shapes[pair.candidate] = theirs.shape
            self.result.values[pair.candidate].take(state.sample, _compared(pair, state, theirs))
        state.keep_outputs(self._outputs, chunk.pairs)
        for pair in chunk.pairs:
            if pair.candidate not in chunk.keep_candidate:
                del state.candidate[pair.candidate]

    def _introduce(self, worker: ThreadPoolExecutor, index: int, state: _State) -> None:
        targets = [
            pair.candidate
            for pair in self._chunks[index].pairs
            if self.result.values[pair.candidate].error == ""
        ]
        for part in self._detached(index, targets):
            state.submit(worker, self._run_detached, index, part, state)

    def _run_detached(self, index: int, part: Part, state: _State) -> None:
        try:
            made = part.run(self._sources(part, state))
        except BackendError as error:
            if len(part.outputs) == 1:
                self.result.values[part.outputs[0]].error = str(error)
                return
            half = len(part.outputs) // 2
            for some in (part.outputs[:half], part.outputs[half:]):
                for smaller in self._open_detached(index, list(some)):
                    self._run_detached(index, smaller, state)
            return
        self._candidate.runs += 1
        self._used(part)
        for name in part.outputs:
            found = _compared(self._pair_of[name], state, made.pop(name))
            self.result.values[name].take_introduced(found)

    def _sources(self, part: Part, state: _State) -> Values:
        """The reference's values under the candidate's names, in the candidate's dtypes."""
        sources = {}
        for name in part.inputs:
            pair = self._pair_of.get(name)
            value = state.candidate[name] if pair is None else state.reference[pair.reference]
            if pair is not None and isinstance(value, np.ndarray):
                value = in_candidate_form(pair, value, self.result.shapes)
            sources[name] = value if pair is None else as_type(value, self._types.get(name))
        return sources

    # -- sessions -----------------------------------------------------------------------------

    def _part(self, which: str, index: int, known: Values) -> Part:
        side, names = (
            (self._reference, [pair.reference for pair in self._chunks[index].pairs])
            if which == "reference"
            else (self._candidate, [pair.candidate for pair in self._chunks[index].pairs])
        )
        given = described(known)
        cached = self._parts.get((which, index))
        if cached is not None:
            if cached[0] == given:
                return cached[1]
            cached[1].close()
        part = open_part(side, given, [n for n in dict.fromkeys(names) if n not in known])
        self._parts[which, index] = (given, part)
        return part

    def _detached(self, index: int, targets: list[str]) -> list[Part]:
        cached = self._parts.get(("detached", index))
        if cached is not None and cached[0] == targets:
            return [cached[1]]
        parts = self._open_detached(index, targets)
        if len(parts) == 1 and list(parts[0].outputs) == targets:
            self._parts["detached", index] = (targets, parts[0])
        return parts

    def _open_detached(self, index: int, targets: list[str]) -> list[Part]:
        """One part for all targets; where the backend refuses it, smaller and smaller ones."""
        if not targets:
            return []
        reached = {pair.candidate for chunk in self._chunks[: index + 1] for pair in chunk.pairs}
        given: Types = {
            name: (dtype, None) for name, dtype in self._types.items() if name in reached
        }
        try:
            return [open_part(self._candidate, given, targets, detach=True)]
        except BackendError as error:
            if len(targets) == 1:
                self.result.values[targets[0]].error = str(error)
                return []
            half = len(targets) // 2
            return [
                *self._open_detached(index, targets[:half]),
                *self._open_detached(index, targets[half:]),
            ]

    def _learn_types(self, candidate: Part) -> bool:
        """The dtypes of the candidate's values, where its runtime infers them before a run."""
        types = candidate.session.output_types
        for name, produced in zip(candidate.outputs, candidate.produced, strict=True):
            dtype = types[produced][0] if produced in types else None
            if dtype is not None:
                self._types[name] = dtype
        return bool(types)

    def _close_parts(self) -> None:
        for _, part in self._parts.values():
            part.close()
        self._parts.clear()

    def _plan(self, sample: Sample) -> list[Chunk]:
        """One chunk where all values fit. Sessions that tell the sizes are used afterwards."""
        self._chunks = [Chunk(self._pairs)]
        feeds: Values = dict(sample.reference)
        types: dict[str, OutputType] = dict(self._part("reference", 0, feeds).session.output_types)
        if unsure(types):
            # An optimizing runtime folds the arithmetic of shapes, and knows more.
            known = self._part("candidate", 0, dict(sample.candidate)).session.output_types
            types |= {
                pair.reference: known[pair.candidate]
                for pair in self._pairs
                if pair.reference in types and pair.candidate in known
            }
        sizes = value_sizes(self._reference, types, feeds, self._limit)
        if sum(sizes.values()) <= self._limit:
            return self._chunks
        self._close_parts()
        return plan_chunks(
            self._reference.model, self._candidate.model, self._pairs, sizes, self._limit
        )

    @staticmethod
    def _kept(values: Values, keep: set[str], feeds: set[str]) -> Values:
        return {name: value for name, value in values.items() if name in keep or name in feeds}

    # -- final outputs ------------------------------------------------------------------------

    def _compare_outputs(self, state: _State) -> None:
        """The outputs of the untouched models; and whether marking values changed them."""
        for pair in self._outputs:
            probed_ours, probed_theirs = state.outputs[pair.candidate]
            ours = state.whole_reference.get(pair.reference, probed_ours)
            theirs = state.whole_candidate.get(pair.candidate, probed_theirs)
            row = self.result.outputs.setdefault(pair.candidate, Measured(pair))
            row.take(state.sample, compare(ours, in_reference_form(pair, ours, theirs)))
            if state.whole_reference:
                self._watch(f"reference:{pair.reference}", compare(ours, probed_ours))
            if state.whole_candidate:
                self._watch(f"candidate:{pair.candidate}", compare(theirs, probed_theirs))

    def _watch(self, name: str, found: Comparison) -> None:
        seen = self.result.watched.get(name)
        if seen is None or found.relative > seen.relative:
            self.result.watched[name] = found


class _State:
    """What is known of one sample while its chunks are run."""

    def __init__(self, sample: int, ours: Values, theirs: Values) -> None:
        self.sample = sample
        self.reference = ours
        self.candidate = theirs
        self.whole_names = {*ours, *theirs}
        self.whole_reference: Values = {}
        self.whole_candidate: Values = {}
        self.outputs: dict[str, tuple[object, object]] = {}
        self._running: list[Future[None]] = []

    def submit(self, worker: ThreadPoolExecutor, task: Callable[..., None], *args: object) -> None:
        """Tasks run one after the other in the order they are submitted."""
        self._running.append(worker.submit(task, *args))

    def wait(self) -> None:
        """Until everything submitted is done; the first failure is raised here."""
        running, self._running = self._running, []
        for future in running:
            future.result()

    def keep_outputs(self, outputs: Sequence[Pair], pairs: Sequence[Pair]) -> None:
        wanted = {pair.candidate for pair in outputs}
        for pair in pairs:
            if pair.candidate in wanted:
                self.outputs[pair.candidate] = (
                    self.reference[pair.reference],
                    self.candidate[pair.candidate],
                )


def _compared(pair: Pair, state: _State, theirs: object) -> Comparison:
    ours = state.reference[pair.reference]
    return compare(ours, in_reference_form(pair, ours, theirs))


def _run_whole(side: Side, feeds: Feeds, last: bool, into: Values) -> None:
    into.update(side.run_whole(feeds, last=last))
