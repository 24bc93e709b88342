"""Bisect by splice: a part of the candidate in the reference's place, judged by the final outputs.

Up to a cut, values come from the candidate; the reference computes the rest from them. Nothing of a
whole graph is marked as an output, so a fault that lives in a fusion stays where it is as long as
no cut goes through the fusion. A cut that does makes it vanish. So the first bad cut is where the
fusion ends; it begins at the latest cut from which the candidate, on the reference's values, still
makes the outputs bad.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from pyonnxtool.divergence.ddmin import ddmin
from pyonnxtool.divergence.search.frontiers import Frontiers
from pyonnxtool.divergence.search.mixture import Mixture, Span
from pyonnxtool.divergence.search.named import Named, named_region
from pyonnxtool.divergence.search.outcomes import OutOfRunsError, Trials
from pyonnxtool.errors import UsageError
from pyonnxtool.report import BisectReport, Frontier, Step
from pyonnxtool.wording import number, plural

if TYPE_CHECKING:
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.first_look import FirstLook

METHOD = "splice"
_SHRINK = 16 / 9
"""What a range of cuts is divided by, at least, with every run."""
_CONFIRMING = 5
_MOST_REGIONS = 32
_MOST_TOGETHER = 96
"""Runs that are spent on steps that only show together before the difference is called drift."""
_FEW = 8
"""So many neighbouring steps may be one fusion; more are looked into."""


@dataclass(frozen=True)
class Region:
    """Steps of the candidate that make the outputs bad, and the cuts around the last of them."""

    spans: tuple[Span, ...]
    good: int
    bad: int
    named: Named | None = None
    """The nodes; None where only the whole candidate makes the outputs bad."""


def bisect_by_splice(
    case: Case, first: FirstLook, trials: Trials, *, all_faults: bool = False
) -> BisectReport:
    """The frontier and the region behind it where the outputs turn bad.

    With `all_faults` each region that is found is computed by the reference from then on, and the
    search continues until the outputs agree.
    """
    return _BySplice(case, first, trials, all_faults).report()


class _DriftError(Exception):
    """No few steps make the difference."""


class _BySplice:
    def __init__(self, case: Case, first: FirstLook, trials: Trials, all_faults: bool) -> None:
        self._case, self._first, self._trials, self._all = case, first, trials, all_faults
        self._frontiers = Frontiers(case)
        self._mixture = Mixture(case, self._frontiers, trials.sample)
        self._count = self._frontiers.count
        self._repaired: list[Span] = []
        self._notes: list[str] = []
        self._good, self._bad = 0, self._count
        self._forward = case.reference.recorded is None

    def report(self) -> BisectReport:
        self._check()
        self._announce()
        found: list[Region] = []
        try:
            self._trials.look_for(self._trials.whole(METHOD).error)
            found.append(self._named(self._region()))
            while self._repair(found[-1]) and len(found) < _MOST_REGIONS:
                region = self._named(self._region())
                if region.named is None or region.named.rounding:
                    break
                found.append(region)
            found = self._needed(found)
            if found[0].spans and self._reference_changes(found[0]):
                return self._finished([], "inconclusive", reason=self._own_change(found[0]))
        except OutOfRunsError:
            if not found:
                return self._finished(found, "inconclusive", reason=self._stopped())
            self._notes.append(self._stopped())
        except _DriftError as reason:
            if not found:
                return self._finished(found, "drift", reason=str(reason))
            self._notes.append(f"what is left after the regions above: {reason}")
        if not found[0].spans:
            return self._finished([], "inconclusive", reason=self._only_whole())
        return self._finished(found, "fault")

    # -- the plan -----------------------------------------------------------------------------

    def _check(self) -> None:
        """Raises UsageError when there is nothing to cut."""
        recorded = self._case.reference.recorded
        if self._frontiers.usable < 1:
            missing = (
                f"{self._case.reference.text} holds no value between inputs and outputs"
                if recorded is not None
                else f"the models have no values in common ({self._case.coverage.sentence()})"
            )
            raise UsageError(f"--by splice: {missing}, so there is nowhere to cut; try --by values")

    def _announce(self) -> None:
        nodes = len(self._case.candidate.model.graph.nodes)
        self._trials.ledger.announce(
            f"search space {nodes:,} nodes, {plural(self._frontiers.usable, 'cut')}, "
            f"at most {plural(self._most_runs(), 'run')}"
        )

    def _most_runs(self) -> int:
        return math.ceil(math.log(max(self._count, 2), _SHRINK)) + _CONFIRMING

    # -- the search ---------------------------------------------------------------------------

    def _region(self) -> Region:
        """The first place where the outputs turn bad for good."""
        self._good, self._bad = 0, self._count
        if not self._forward:
            return self._last_start()
        while True:
            skipped = self._halve()
            after = self._frontiers.next_open(self._bad + 1, 1)
            if self._bad == self._count or self._is_bad([(0, after)]) is not False:
                break
            # Good again one cut later: a wrong pair, or a fault that the next step takes back.
            self._notes.append(
                f"the outputs are bad at {self._frontiers.name(self._bad)!r} and good again at "
                f"{self._frontiers.name(after)!r}: passed over"
            )
            self._good, self._bad = after, self._count
        if skipped:
            self._notes.append(f"{plural(skipped, 'cut')} could not be run and were skipped")
        return self._extended(self._good, self._bad)

    def _halve(self) -> int:
        """Narrow down between the last good and the first bad cut; how many could not be run."""
        skipped: set[int] = set()
        while (cut := self._frontiers.cheapest(self._good, self._bad, skipped)) is not None:
            bad = self._is_bad([(0, cut)])
            if bad is None:
                skipped.add(cut)
            elif bad:
                self._bad = cut
            else:
                self._good = cut
        return len([cut for cut in skipped if self._good < cut < self._bad])

    def _extended(self, good: int, bad: int) -> Region:
        """The steps up to the first bad cut that are enough by themselves."""
        start, far = good, good
        if self._is_bad([(start, bad)]):
            return Region(((start, bad),), good, bad)
        runs = 3 * math.ceil(math.log2(good + 2)) + _FEW
        self._trials.ledger.announce(
            f"the last step alone does not show it: at most {plural(runs, 'run')} more to tell "
            "where it begins"
        )
        width = 1
        while far > 0:
            far = self._frontiers.next_open(max(0, far - width), -1)
            width *= 2
            if self._is_bad([(far, bad)]):
                break
            start = far
        while (cut := self._frontiers.cheapest(far, start)) is not None:
            if self._is_bad([(cut, bad)]) is not False:
                far = cut
            else:
                start = cut
        if far == 0 and bad == self._count:
            return Region((), good, bad)
        if bad - far <= _FEW:
            return Region(((self._latest(far, good, bad), bad),), good, bad)
        return Region(self._together(far, bad), good, bad)

    def _latest(self, far: int, good: int, bad: int) -> int:
        """The latest of few cuts from which it shows: where it is cut may decide what is fused."""
        between = (cut for cut in range(good - 1, far, -1) if self._frontiers.is_open(cut))
        return next((cut for cut in between if self._is_bad([(cut, bad)])), far)

    def _together(self, start: int, end: int) -> tuple[Span, ...]:
        """The few steps of a wide range that make the outputs bad only together."""
        cuts = [start, *(c for c in range(start + 1, end) if self._frontiers.is_open(c)), end]
        steps = list(pairwise(cuts))
        self._trials.ledger.announce(
            f"{plural(len(steps), 'step')} show it only together: at most {_MOST_TOGETHER} runs "
            "more to tell which"
        )
        allowed = len(self._trials.ledger.steps) + _MOST_TOGETHER

        def holds(some: Sequence[Span]) -> bool:
            if len(self._trials.ledger.steps) >= allowed:
                raise _DriftError(self._drift(start, end))
            return self._is_bad(some) is True

        return _joined(ddmin(steps, holds))

    def _last_start(self) -> Region:
        """For recorded values: the last cut from which the candidate makes the outputs bad."""
        while (cut := self._frontiers.cheapest(self._good, self._bad)) is not None:
            if self._is_bad([(cut, self._count)]) is not False:
                self._good = cut
            else:
                self._bad = cut
        return Region(((self._good, self._bad),), self._good, self._bad)

    def _named(self, region: Region) -> Region:
        if not region.spans:
            return region
        named = named_region(self._trials, self._mixture, self._frontiers, region.spans)
        return replace(region, named=named)

    def _repair(self, region: Region) -> bool:
        """Whether the search goes on with the region computed by the reference."""
        if not self._forward or not region.spans:
            return False
        self._repaired = list(_joined([*self._repaired, *region.spans]))
        step = self._run([(0, self._count)])
        if step.within is not False or region.named is None or region.named.rounding:
            return False
        if not self._all:
            self._notes.append(
                "with this region computed by the reference the outputs are still off by "
                f"{number(step.error)} of their scale: --all looks for the others"
            )
            return False
        self._trials.look_for(step.error)
        self._trials.ledger.announce(
            f"repaired; the outputs are still off by {number(step.error)} of their scale: at most "
            f"{plural(self._most_runs(), 'run')} more"
        )
        return True

    def _reference_changes(self, region: Region) -> bool:
        """Whether the reference alone, cut at the same places, gives other outputs as well."""
        if not self._case.reference.fuses:
            return False
        cuts = sorted({cut for span in region.spans for cut in span} - {0, self._count})
        return bool(
            self._trials.bad(
                METHOD,
                f"reference cut at {cuts}",
                f"the reference, cut at {', '.join(map(self._frontiers.name, cuts))}",
                lambda: (self._trials.expected, self._mixture.outputs([], cuts)),
            )
        )

    def _needed(self, found: list[Region]) -> list[Region]:
        """Of several regions, those whose repair is needed for the outputs to agree."""
        if len(found) < 2:
            return found
        self._repaired = []

        def good(some: Sequence[Region]) -> bool:
            rest = _without((0, self._count), [span for one in some for span in one.spans])
            return self._is_bad(rest) is False

        return ddmin(found, good) if good(found) else found

    def _is_bad(self, spans: Sequence[Span]) -> bool | None:
        """Judge a mixture: these steps, less those repaired, on the candidate."""
        return {"good": False, "bad": True}.get(self._run(spans).verdict)

    def _run(self, spans: Sequence[Span]) -> Step:
        taken = _joined([part for span in spans for part in _without(span, self._repaired)])
        return self._trials.run(
            METHOD,
            repr(taken),
            self._told(taken),
            lambda: (self._trials.expected, self._mixture.outputs(taken)),
        )

    # -- words --------------------------------------------------------------------------------

    def _told(self, spans: Sequence[Span]) -> str:
        parts = []
        for start, end in spans:
            begin = f"from {self._frontiers.name(start)}" if start else "from the inputs"
            ending = f"to {self._frontiers.name(end)}" if end < self._count else "to the outputs"
            parts.append(f"{begin} {ending}")
        return f"candidate {', '.join(parts)}" if parts else "the reference as it is"

    def _drift(self, start: int, end: int) -> str:
        return (
            f"no few nodes make the difference: it adds up between {self._frontiers.name(start)!r} "
            f"and {self._frontiers.name(end)!r}"
        )

    def _only_whole(self) -> str:
        return (
            "only the whole candidate shows the difference: wherever it is cut, the outputs are "
            "good; when it runs on onnxruntime, --by pass names the optimizers that make it"
        )

    def _own_change(self, region: Region) -> str:
        return (
            f"the reference alone gives other outputs when it is cut around "
            f"{self._frontiers.name(region.bad)!r}: its own optimizations change there; take the "
            "reference @ort:none"
        )

    def _stopped(self) -> str:
        return (
            f"stopped by --max-runs: the outputs turn bad between "
            f"{self._frontiers.name(self._good)!r} and {self._frontiers.name(self._bad)!r}, "
            f"{plural(self._bad - self._good, 'step')} apart; {self._trials.ledger.how_to_continue}"
        )

    def _finished(self, found: Sequence[Region], verdict: str, reason: str = "") -> BisectReport:
        good, bad = (found[0].good, found[0].bad) if found else (self._good, self._bad)
        named = [region.named for region in found if region.named is not None]
        if named and all(one.rounding for one in named):
            verdict, reason, self._notes = "drift", self._rounding(named[0]), []
        return self._first.report(
            self._case,
            verdict,
            culprits=tuple(one.culprit for one in named if not one.rounding),
            reason=reason,
            method=METHOD,
            frontier=Frontier(self._mixture.frontier(good), self._mixture.frontier(bad)),
            observer_effect="nothing read",
            notes=tuple(dict.fromkeys(self._notes)),
            **self._trials.ledger.told(),
        )

    @staticmethod
    def _rounding(named: Named) -> str:
        return (
            f"the outputs turn bad at {named.culprit.node} ({named.culprit.op_type}), which adds "
            "no more than rounding explains; what comes after it amplifies that"
        )


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans in order, neighbours made one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and joined[-1][1] >= start:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _without(span: Span, gone: Sequence[Span]) -> tuple[Span, ...]:
    """What is left of a span without some others."""
    start, end = span
    left: list[Span] = []
    for cut_from, cut_to in _joined(gone):
        if cut_to <= start or cut_from >= end:
            continue
        if cut_from > start:
            left.append((start, cut_from))
        start = max(start, cut_to)
    return (*left, (start, end)) if start < end else tuple(left)
