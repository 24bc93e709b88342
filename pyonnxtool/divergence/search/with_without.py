"""One model with some optimizers and without: where in it they make the difference."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.divergence.first_look import FirstLook
from pyonnxtool.divergence.plan import Pair
from pyonnxtool.divergence.probe import Sample
from pyonnxtool.divergence.search.by_splice import METHOD as SPLICE
from pyonnxtool.divergence.search.by_splice import bisect_by_splice
from pyonnxtool.divergence.search.by_values import bisect_by_values
from pyonnxtool.divergence.search.outcomes import OutOfRunsError, Trials
from pyonnxtool.divergence.search.rewritten import Change, nodes_of
from pyonnxtool.errors import UsageError
from pyonnxtool.interface import Interface
from pyonnxtool.report import BisectReport, Culprit, ValueRow
from pyonnxtool.verdict import Tolerances

if TYPE_CHECKING:
    from pyonnxtool.backends import RunOptions
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.probe import Feeds, Side


@dataclass(frozen=True)
class Place:
    """Where the difference is made. No culprits: nowhere in particular, or nobody can tell."""

    verdict: str
    culprits: tuple[Culprit, ...] = ()
    reason: str = ""
    contributors: tuple[ValueRow, ...] = ()


@dataclass(frozen=True)
class Narrowing:
    """What is known of the optimizers that make a difference."""

    side: Side
    names: Sequence[str]
    without: RunOptions
    """The side's own options with the optimizers disabled."""
    kept: Container[str]
    """Values of the model that are still there in the optimized graph."""
    changed: Sequence[Change]

    def everything(self) -> tuple[Culprit, ...]:
        """All that the optimizers changed."""
        return tuple(change.culprit(self.names) for change in self.changed)


def place(case: Case, trials: Trials, known: Narrowing, feeds: Feeds) -> Place:
    """By the values that the optimizers leave, which hides nothing that they do between them.

    Where the difference vanishes all the same, by splice.
    """
    sample = Sample(trials.sample.number, feeds, feeds)
    against = with_and_without(case, known.side, known.without, sample)
    try:
        return _by_kept_values(against, known) or _by_splice(against, trials, known)
    finally:
        known.side.runs += against.reference.runs + against.candidate.runs
        against.close()


def with_and_without(case: Case, side: Side, without: RunOptions, sample: Sample) -> Case:
    """The side against itself with other options, on one sample."""
    names = [value.name for value in side.model.graph.inputs if value.initializer is None]
    outputs = [value.name for value in side.model.graph.outputs]
    interface = Interface(
        tuple((name, name) for name in names), tuple((name, name) for name in outputs)
    )
    return replace(
        case,
        reference=replace(side, options=without, runs=0, _whole=None),
        candidate=replace(side, runs=0, _whole=None),
        interface=interface,
        alignment=_core.align(
            side.model, side.model, list(interface.inputs), list(interface.outputs)
        ),
        pairs=[Pair(name, name) for name in _core.produced_values(side.model)],
        outputs=[Pair(name, name) for name in outputs],
        samples=[sample],
        swapped=False,
        quantization=None,
    )


def _by_kept_values(case: Case, known: Narrowing) -> Place | None:
    """None where watching still changes the result, or shows nothing."""
    kept = [pair for pair in case.pairs if pair.candidate in known.kept]
    if not kept:
        return None
    # Whether rounding explains a value does not depend on what the user allows the outputs.
    report = bisect_by_values(replace(case, pairs=kept), Tolerances(), FirstLook(bad=(0,)))
    if report.verdict == "fault":
        return Place("fault", tuple(_merged(known, one) for one in report.culprits))
    explained = all(row.status != "bad" for row in report.values)
    if report.verdict == "drift" and report.observer_effect == "none" and explained:
        return Place("drift", (), report.reason, report.contributors)
    return None


def _by_splice(case: Case, trials: Trials, known: Narrowing) -> Place:
    names = " ".join(known.names)
    trials = trials.within(case, case.samples[0], f"with and without {names}: ")
    try:
        if trials.whole(SPLICE, f"with {names}, against without").within is not False:
            return Place("fault", known.everything())
        found = bisect_by_splice(case, FirstLook(bad=(0,)), trials)
    except (UsageError, OutOfRunsError):  # there is nothing to cut, or the runs are used up
        return Place("fault", known.everything())
    if found.verdict == "drift":
        return Place("drift", (), found.reason)
    return Place("fault", _named(known, found) or known.everything())


def _named(known: Narrowing, found: BisectReport) -> tuple[Culprit, ...]:
    return tuple(_merged(known, culprit) for culprit in found.culprits)


def _merged(known: Narrowing, found: Culprit) -> Culprit:
    """What the optimizers made there, with what was measured of it."""
    there = nodes_of(known.side.model, found)
    change = next((one for one in known.changed if one.touches(there)), None)
    if change is None:
        return found
    return replace(
        change.culprit(known.names),
        introduced=found.introduced,
        accumulated=found.accumulated,
        referee=found.referee,
        surroundings=found.surroundings,
    )
