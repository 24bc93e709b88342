"""Inside If, Loop and Scan: both bodies on the reference's values, turn by turn.

The reference runs its own body, each turn from what the one before made. The candidate's body is
given the same inputs. The first turn that differs, and the worst, are then searched like models of
their own, so bodies inside bodies are searched as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.divergence.blame.why import differences, label
from pyonnxtool.divergence.bodies.turns import (
    BODIES,
    as_declared,
    branch_taken,
    turns_of,
)
from pyonnxtool.divergence.case import Case
from pyonnxtool.divergence.compare import Comparison, compare
from pyonnxtool.divergence.first_look import FirstLook
from pyonnxtool.divergence.pairing.fingerprints import pair_by_values
from pyonnxtool.divergence.plan import Pair
from pyonnxtool.divergence.probe import Sample, Side, as_type, type_of
from pyonnxtool.divergence.quantized.noise import Quantization
from pyonnxtool.divergence.quantized.pairs import align_quantized
from pyonnxtool.errors import BackendError, PyonnxtoolError
from pyonnxtool.interface import Interface
from pyonnxtool.report import BisectReport, Culprit
from pyonnxtool.verdict import Tolerances

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Node
    from pyonnxtool.backends import Output
    from pyonnxtool.divergence.bodies.outer_values import OuterValues
    from pyonnxtool.divergence.bodies.turns import Turns

Bisect = Callable[[Case, Tolerances, FirstLook], BisectReport]

_MOST_TURNS = 5000
"""So many turns are run; every one of them costs a run of each body."""


@dataclass(frozen=True)
class Inside:
    """What the bodies of a pair of nodes have to do with their difference."""

    culprits: tuple[Culprit, ...] = ()
    own: tuple[str, ...] = ()
    """What differs between the nodes themselves: attributes and inputs, not bodies."""
    reason: str = ""
    """Why nothing inside is blamed."""
    clean: bool = False
    """No turn adds more than rounding explains, given the reference's values."""

    def blame(self, node: Culprit) -> list[Culprit]:
        """Who is to blame, where `node` would be when nobody looked inside."""
        if self.own:
            told = [*self.own, *filter(None, [self.reason])]
            return [*self.culprits, replace(node, why="; ".join(told))]
        if self.culprits or self.clean:
            return list(self.culprits)
        return [replace(node, why=self.reason or node.why)]


def look_inside(
    case: Case,
    tolerances: Tolerances,
    pair: tuple[Node, Node],
    around: OuterValues,
    bisect: Bisect,
) -> Inside:
    """Search the bodies of a reference's and a candidate's node of one operator.

    `bisect` searches the bodies as it searches models.
    """
    ours, theirs = pair
    own = differences(case.reference.model, ours, case.candidate.model, theirs, around.source)
    own = [text for text in own if not _is_about_bodies(text)]
    try:
        own = [text for text in own if text not in _harmless(own, *around.inputs(ours, theirs))]
        found = _Descent(case, tolerances, ours, theirs, around, bisect).look()
    except PyonnxtoolError as error:
        found = Inside(reason=f"its body could not be run on its own: {error}")
    return replace(found, own=tuple(own))


def _is_about_bodies(text: str) -> bool:
    names = [name for bodies in BODIES.values() for name in bodies]
    return text.startswith(tuple(f"attribute {name} " for name in names))


def _harmless(own: Sequence[str], given: Sequence[Output], other: Sequence[Output]) -> list[str]:
    """Of what differs: inputs that are called otherwise and hold the same."""
    same = [
        f"input {slot} "
        for slot, (ours, theirs) in enumerate(zip(given, other, strict=False))
        if compare(ours, theirs).identical
    ]
    return [text for text in own if text.startswith(tuple(same))]


@dataclass
class _Seen:
    """Turns that were run."""

    total: int = 0
    complete: bool = True
    differing: int = 0
    first: Sample | None = None
    worst: Sample | None = None
    error: float = 0.0
    last: Sample | None = None

    @property
    def watched(self) -> list[Sample]:
        """Turns by which values are told apart, those that matter before another one."""
        turns = [turn for turn in (self.first, self.worst, self.last) if turn is not None]
        return list({turn.number: turn for turn in turns}.values())

    def take(self, turn: Sample, found: Comparison) -> None:
        """One more turn, whose worst output is `found`."""
        self.total += 1
        self.last = turn
        if not _within_tolerance(found):
            self.differing += 1
            self.first = self.first or turn
        if found.relative > self.error:
            self.worst, self.error = turn, found.relative

    def place(self, turn: int) -> str:
        """For people: "iteration 3 of 10 (counted from 0), 7 of them differ"."""
        most = "" if self.complete else "more than "
        return (
            f"iteration {turn} of {most}{self.total} (counted from 0), "
            f"{self.differing} of them differ"
        )


class _Body:
    """One side's body as a model, with the values around it that it reads."""

    def __init__(
        self,
        side: Side,
        node: Node,
        attribute: str,
        first: Sequence[Output],
        outer: dict[str, Output],
        more: Sequence[str] = (),
    ) -> None:
        self.graph: Graph = node.attributes[attribute]
        names = [value.name for value in self.graph.inputs]
        values = {**outer, **dict(zip(names, first, strict=True))}
        kinds = {name: kind for name, value in values.items() if (kind := type_of(value))}
        model, self.inputs, captured, self.outputs = _core.body_model(
            side.model, node.id, attribute, kinds, list(more)
        )
        self.kinds = [kinds.get(name) for name in self.inputs]
        self.captured = {name: outer[name] for name in captured}
        self.side = Side(side.text, model, side.backend, side.options)

    def feeds(self, inputs: Sequence[Output]) -> dict[str, Output]:
        """The inputs of one turn, in this body's dtypes, with what is captured."""
        fed = as_declared(
            self.graph, [as_type(v, kind) for v, kind in zip(inputs, self.kinds, strict=True)]
        )
        return {**dict(zip(self.inputs, fed, strict=True)), **self.captured}

    def run(self, feeds: dict[str, Output]) -> list[Output]:
        """The outputs in the order of the body."""
        made = self.side.run_whole(feeds)  # type: ignore[arg-type]  # sequences are fed as lists
        return [made[name] for name in self.outputs]


class _Descent:
    def __init__(
        self,
        case: Case,
        tolerances: Tolerances,
        ours: Node,
        theirs: Node,
        around: OuterValues,
        bisect: Bisect,
    ) -> None:
        self._case, self._tolerances, self._bisect = case, tolerances, bisect
        self._ours, self._theirs, self._around = ours, theirs, around

    def look(self) -> Inside:
        """Raises a PyonnxtoolError where a body cannot be run."""
        given, other = self._around.inputs(self._ours, self._theirs)
        mine, its = BODIES[self._ours.op_type][0], BODIES[self._theirs.op_type][0]
        if self._ours.op_type == "If":
            mine, its = branch_taken(given[0]), branch_taken(other[0])
            if mine != its and self._same_condition_is_read():
                return Inside(reason=f"it takes its {its}, the reference takes its {mine}")
        turns = turns_of(self._ours, self._ours.attributes[mine], given)
        first = next(turns, None)
        if first is None:
            return Inside(reason="the reference runs no iteration of it")
        bodies = self._bodies(mine, its, first, other)
        if isinstance(bodies, str):
            return Inside(reason=bodies)
        try:
            return self._judge(its, bodies, self._run(turns, first, bodies))
        finally:
            for body, side in zip(
                bodies, (self._case.reference, self._case.candidate), strict=True
            ):
                body.side.close()
                side.runs += body.side.runs

    def _same_condition_is_read(self) -> bool:
        """False where the candidate may have turned its condition and its branches around."""
        return self._theirs.input_names[0] in self._around.source

    # -- both bodies as models ------------------------------------------------------------------

    def _bodies(
        self, mine: str, its: str, first: Sequence[Output], other: Sequence[Output]
    ) -> tuple[_Body, _Body] | str:
        body: Graph = self._theirs.attributes[its]
        here: Graph = self._ours.attributes[mine]
        if len(body.inputs) != len(first) or len(body.outputs) != len(here.outputs):
            return (
                f"its body takes {len(body.inputs)} values and makes {len(body.outputs)}, "
                f"the reference's takes {len(first)} and makes {len(here.outputs)}"
            )
        outer = self._around.captured(self._ours, self._theirs)
        starts = next(turns_of(self._theirs, body, other), None)
        candidate = _Body(self._case.candidate, self._theirs, its, starts or first, outer.candidate)
        source = self._around.source
        more = [source[name] for name in candidate.captured if source.get(name) in outer.reference]
        reference = _Body(
            self._case.reference,
            self._ours,
            mine,
            first,
            outer.reference,
            list(dict.fromkeys(more)),
        )
        return reference, candidate

    def _run(self, turns: Turns, first: Sequence[Output], bodies: tuple[_Body, _Body]) -> _Seen:
        seen, inputs = _Seen(), first
        while seen.total < _MOST_TURNS:
            ours, theirs = (body.feeds(inputs) for body in bodies)
            made = bodies[0].run(ours)
            try:
                other = bodies[1].run(theirs)
            except BackendError:
                if seen.first is None:
                    raise
                break  # an earlier turn differs: what comes after it need not fit
            found = max(map(compare, made, other), key=lambda one: one.relative)
            seen.take(Sample(seen.total, ours, theirs), found)  # type: ignore[arg-type]
            self._case.progress(f"inside {label(self._theirs)}", seen.total, seen.total)
            try:
                inputs = turns.send(made)
            except StopIteration:
                return seen
        seen.complete = False
        return seen

    # -- the search -----------------------------------------------------------------------------

    def _judge(self, its: str, bodies: tuple[_Body, _Body], seen: _Seen) -> Inside:
        if seen.worst is None:
            few = "" if seen.complete else f" in the first {seen.total} iterations"
            return Inside(reason=f"given the reference's values, its body computes the same{few}")
        chosen = {turn.number: turn for turn in (seen.first, seen.worst) if turn is not None}
        culprits: dict[tuple[str, str], Culprit] = {}
        reason, clean = "", math.isfinite(seen.error)
        for turn in chosen.values():
            report = self._search(bodies, turn, seen.watched)
            clean = clean and report.verdict in ("drift", "same")
            if report.verdict == "inconclusive":
                reason = f"inside its body: {report.reason}"
            for culprit in report.culprits:
                placed = self._placed(culprit, its, turn.number, seen)
                culprits.setdefault((placed.graph, placed.node or placed.outputs[0]), placed)
        return Inside(tuple(culprits.values()), reason=reason, clean=clean)

    def _search(
        self, bodies: tuple[_Body, _Body], turn: Sample, watched: list[Sample]
    ) -> BisectReport:
        ours, theirs = bodies
        inputs = list(zip(ours.inputs, theirs.inputs, strict=True))
        inputs += [
            (self._around.source[name], name)
            for name in theirs.captured
            if self._around.source.get(name) in ours.captured
        ]
        outputs = list(zip(ours.outputs, theirs.outputs, strict=True))
        quantized = align_quantized(ours.side.model, theirs.side.model, inputs, outputs)
        alignment = quantized or _core.align(ours.side.model, theirs.side.model, inputs, outputs)
        pairs = quantized.pairs if quantized else [Pair(*names) for names in alignment.values]
        left = (alignment.unmatched, alignment.ambiguous, alignment.unmatched_reference)
        if not quantized and any(left):
            lineup = pair_by_values(
                ours.side,
                theirs.side,
                inputs,
                outputs,
                lambda: watched,
                memory=self._case.memory,
                given=[],
                progress=self._case.progress,
            )
            alignment, pairs = lineup.alignment, lineup.pairs
        case = Case(
            ours.side,
            theirs.side,
            Interface(tuple(inputs), tuple(outputs)),
            alignment,
            pairs,
            [Pair(*names) for names in outputs],
            [turn],
            self._case.memory,
            self._case.progress,
            quantization=Quantization(theirs.side.model, turn.candidate) if quantized else None,
            is_body=True,
        )
        return self._bisect(case, self._tolerances, FirstLook(bad=(0,)))

    def _placed(self, culprit: Culprit, its: str, turn: int, seen: _Seen) -> Culprit:
        """The culprit as seen from outside of this body."""
        here = f"main/{label(self._theirs)}.{its}"
        inner = culprit.graph
        graph = here + inner[len("main") :] if inner.startswith("main") else f"{here}: {inner}"
        if self._ours.op_type == "If":
            return replace(culprit, graph=graph)
        where = f"first in {seen.place(turn)}"
        if culprit.iteration is not None:
            where = f"in {label(self._theirs)} {where}"
        return replace(
            culprit,
            graph=graph,
            iteration=turn if culprit.iteration is None else culprit.iteration,
            why=f"{culprit.why}; {where}",
        )


def _within_tolerance(found: Comparison) -> bool:
    if found.stats is None:
        return False
    return found.identical or Tolerances().output_limit("", found.dtype).holds(found.stats)
