"""Before anything is taken out: what the whole model shows, and on which inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.divergence.reduced.keep import Complains, Crashes, Diverges, GivesNan, Keep, Shown
from pyonnxtool.divergence.reduced.trial import Part, Runner, Trial
from pyonnxtool.divergence.search.isolated import Apart, Failed, Here, can_be_apart
from pyonnxtool.divergence.steadiness import unsteady_sides
from pyonnxtool.errors import BackendError, UsageError
from pyonnxtool.verdict import Tolerances

if TYPE_CHECKING:
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.probe import Feeds, Sample, Side, Values

KEEPS = ("auto", "diverges", "crashes", "nan")


@dataclass(frozen=True)
class Start:
    """What the search starts from."""

    sample: Sample
    keep: Keep
    watched: Side
    """The side whose nodes are taken out."""
    reference: Side
    """The side whose values are fed."""
    runner: Runner
    shown: Shown
    together: bool
    """Whether the reference's nodes are taken out in step."""


@dataclass
class Starter:
    """Looks at the whole models, in a process of their own where that is possible."""

    case: Case
    tolerances: Tolerances
    apart: Apart
    single: bool
    """One model was named: it may crash or give NaN on either of its settings."""

    def start(self, keep: str) -> Start:
        """The first sample that shows it. Raises UsageError when none does."""
        told = []
        for sample in self.case.samples:
            self.case.reference.begin(sample.number, sample.reference)
            found = self._look(sample, keep)
            if isinstance(found, Start):
                return found
            told.append(found)
        raise UsageError(f"there is nothing to reduce: {told[0]}")

    def start_with(self, ask: Callable[[Trial], str]) -> Start:
        """What `ask` complains about. Raises UsageError when it does not."""
        sample, side = self.case.samples[0], self.case.candidate
        reference = None
        if not self.single:
            reference = Part(self.case.reference.model, sample.reference)
        whole = Trial(Part(side.model, sample.candidate), reference, (), 0)
        keep = Complains(ask)
        shown = keep.shows(whole)
        if shown is None:
            raise UsageError(
                "--check says that the whole model is good (exit code 0, or 125: skip); there is "
                "nothing to reduce: it has to end with another exit code while the bug is there"
            )
        runner = self._runner(self.case.reference)
        return Start(sample, keep, side, self.case.reference, runner, shown, not self.single)

    def _look(self, sample: Sample, keep: str) -> Start | str:
        """A start, or a sentence about why there is none."""
        theirs = self._outcome(self.case.candidate, sample.candidate)
        ours = theirs
        if self.case.reference is not self.case.candidate:
            ours = self._outcome(self.case.reference, sample.reference)
        if keep in ("auto", "crashes"):
            crash = self._crash(sample, ours, theirs)
            if crash is not None:
                return crash
            if keep == "crashes":
                return f"{self.case.candidate.text} runs to its end"
        for side, outcome in ((self.case.reference, ours), (self.case.candidate, theirs)):
            if isinstance(outcome, Failed):
                raise BackendError(f"{side.text} fails, use --while crashes: {outcome}")
        assert not isinstance(ours, Failed)
        assert not isinstance(theirs, Failed)
        if keep == "nan" or (keep == "auto" and self.single):
            nan = self._nan(sample, theirs)
            if nan is not None:
                return nan
            if keep == "nan":
                return f"no output of {self.case.candidate.text} holds NaN or infinities"
        return self._difference(sample, ours, theirs)

    def _crash(
        self, sample: Sample, ours: Values | Failed, theirs: Values | Failed
    ) -> Start | None:
        """The candidate fails, or the one model that was named on one of its settings."""
        reference, candidate = self.case.reference, self.case.candidate
        if isinstance(ours, Failed) and not self.single:
            raise BackendError(
                f"the reference itself fails ({ours}); reduce it on its own: "
                f"pyonnxtool reduce {reference.text}"
            )
        watched, fed, failure = candidate, reference, theirs
        if not isinstance(theirs, Failed):
            watched, fed, failure = reference, candidate, ours
        if not isinstance(failure, Failed):
            return None
        runner = self._runner(watched)
        keep = Crashes(watched, runner, failure)
        return Start(
            sample, keep, watched, self._source(fed, watched), runner, Shown(str(failure)), False
        )

    def _nan(self, sample: Sample, theirs: Values) -> Start | None:
        candidate = self.case.candidate
        arrays = [value for value in theirs.values() if isinstance(value, np.ndarray)]
        nan = any(value.dtype.kind in "fV" and np.isnan(value).any() for value in arrays)
        keep = GivesNan(candidate, Here(), infinity=not nan)
        shown = keep.judged(theirs)
        if shown is None:
            return None
        return Start(sample, keep, candidate, candidate, Here(), shown, False)

    def _difference(self, sample: Sample, ours: Values, theirs: Values) -> Start | str:
        case = self.case
        if unsteady := why_unsteady(case):
            raise BackendError(unsteady)
        keep = Diverges(case.reference, case.candidate, Here(), self.tolerances)
        shown = keep.judged(tuple(case.outputs), case.candidate.model, ours, theirs)
        if shown is None:
            return (
                f"the outputs of {case.texts[0]} and {case.texts[1]} agree on "
                f"{len(case.samples)} sample{'s' if len(case.samples) > 1 else ''}; try --inputs, "
                "--samples or a smaller --rtol"
            )
        keep.start(shown)
        return Start(sample, keep, case.candidate, case.reference, Here(), shown, True)

    def _outcome(self, side: Side, feeds: Feeds) -> Values | Failed:
        if side.recorded is not None:
            return side.run_whole(feeds)
        try:
            return self._runner(side).run(side, side.model, feeds)
        except Failed as failure:
            return failure

    def _runner(self, side: Side) -> Runner:
        return self.apart if can_be_apart(side) else Here()

    @staticmethod
    def _source(fed: Side, watched: Side) -> Side:
        """Values come from the other side only where it is the same model."""
        return fed if same_model(fed, watched) else watched


def same_model(one: Side, other: Side) -> bool:
    """Whether both sides run the same file (or the same model in memory)."""
    if one.recorded is not None or other.recorded is not None:
        return False
    if one.model is other.model:
        return True
    ours, theirs = one.model, other.model
    return ours.folder == theirs.folder and _linked(ours) == _linked(theirs)


def why_unsteady(case: Case) -> str:
    """Why no difference can be judged; empty when two runs of each side agree."""
    notes: Sequence[str] = unsteady_sides(case)
    return notes[0] if notes else ""


def _linked(model: object) -> bytes:
    return model.to_bytes(weights="link", folder=model.folder)  # type: ignore[attr-defined,no-any-return]
