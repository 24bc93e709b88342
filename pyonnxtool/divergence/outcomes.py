"""Runs that are judged by the final outputs alone: counted, told, and kept in a journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pyonnxtool.divergence.compare import compare
from pyonnxtool.divergence.judge import Judge
from pyonnxtool.divergence.plan import in_reference_form
from pyonnxtool.divergence.sweep import Swept
from pyonnxtool.errors import BackendError
from pyonnxtool.report import Step

if TYPE_CHECKING:
    from pyonnxtool.backends import Output
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.journal import Journal
    from pyonnxtool.divergence.probe import Sample, Values
    from pyonnxtool.verdict import Tolerances

Tell = Callable[["str | Step"], None]
"""Takes the plan, as text, and then every run as it ends."""

_SHARE = 0.1
"""Of the candidate's own error: an output that is off by less does not show what is sought."""


class OutOfRunsError(Exception):
    """The runs that the user allows are used up."""


class Trials:
    """Judges the outputs of one sample, the worst, against the reference's own.

    A run is bad when an output is off by more than its tolerance and by at least a tenth of the
    whole candidate's error: rounding that the rest of the candidate adds does not count.
    """

    def __init__(
        self,
        case: Case,
        tolerances: Tolerances,
        sample: Sample,
        *,
        journal: Journal | None = None,
        max_runs: int | None = None,
        tell: Tell | None = None,
    ) -> None:
        self.case, self.sample = case, sample
        self.steps: list[Step] = []
        self.plan = ""
        self.journal = journal
        self._judge = Judge(case, tolerances, Swept({}))
        self._left = max_runs
        self._tell = tell or (lambda told: None)
        self._seen: dict[str, Step] = {}
        self._expected: Values = {}
        self._least = 0.0

    def announce(self, plan: str) -> None:
        """Say what is going to be searched, and how many runs that takes at most."""
        self.plan = f"{self.plan}; {plan}" if self.plan else plan
        self._tell(plan)

    def whole(self, method: str) -> Step:
        """The candidate as it is: how large the difference is that is looked for."""
        step = self.run(method, "whole", "the candidate as it is", self._whole)
        self._least = _SHARE * (step.error or 0.0)
        return step

    def bad(self, method: str, key: str, what: str, outputs: Callable[[], Values]) -> bool | None:
        """Whether a run shows the difference; None where it could not be run."""
        return {"good": False, "bad": True}.get(self.run(method, key, what, outputs).verdict)

    def run(self, method: str, key: str, what: str, outputs: Callable[[], Values]) -> Step:
        """Run, or look up, what `key` stands for.

        `outputs` gives the final outputs by the candidate's names, as the reference would hold
        them. Raises OutOfRunsError.
        """
        if key in self._seen:
            return self._seen[key]
        known = self.journal.find(key) if self.journal is not None else None
        if known is not None:
            step = replace(known, number=len(self.steps) + 1, note="from the journal")
        else:
            step = self._new(method, what, outputs)
            if self.journal is not None:
                self.journal.add(key, step)
        self._seen[key] = step
        self.steps.append(step)
        self._tell(step)
        return step

    @property
    def expected(self) -> Mapping[str, Output]:
        """The reference's own outputs, by its names."""
        if not self._expected:
            self.case.reference.begin(self.sample.number, self.sample.reference)
            self._expected = self.case.reference.run_whole(self.sample.reference, last=True)
        return self._expected

    def _new(self, method: str, what: str, outputs: Callable[[], Values]) -> Step:
        if self._left is not None:
            if self._left < 1:
                raise OutOfRunsError
            self._left -= 1
        number, started = len(self.steps) + 1, time.perf_counter()
        try:
            verdict, error = self._judged(outputs())
        except BackendError as failure:
            seconds = time.perf_counter() - started
            return Step(number, method, what, "skip", None, seconds, str(failure))
        return Step(number, method, what, verdict, error, time.perf_counter() - started)

    def _judged(self, outputs: Values) -> tuple[str, float]:
        verdict, worst = "good", 0.0
        for pair in self.case.outputs:
            found = compare(self.expected[pair.reference], outputs[pair.candidate])
            worst = max(worst, found.relative)
            if found.relative >= self._least and not self._judge.within_tolerance(
                pair.candidate, found
            ):
                verdict = "bad"
        return verdict, worst

    def _whole(self) -> Values:
        made = self.case.candidate.run_whole(self.sample.candidate, last=True)
        return {
            pair.candidate: in_reference_form(  # type: ignore[misc]  # a tensor stays one
                pair, self.expected[pair.reference], made[pair.candidate]
            )
            for pair in self.case.outputs
        }
