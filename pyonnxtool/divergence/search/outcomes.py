"""Runs that are judged by the final outputs alone: counted, told, and kept in a journal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pyonnxtool.divergence.compare import compare
from pyonnxtool.divergence.judge import Judge
from pyonnxtool.divergence.plan import in_reference_form
from pyonnxtool.divergence.sweep import Swept
from pyonnxtool.errors import BackendError
from pyonnxtool.report import Step

if TYPE_CHECKING:
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.probe import Sample, Values
    from pyonnxtool.divergence.search.journal import Journal
    from pyonnxtool.verdict import Tolerances

Outputs = tuple["Values", "Values"]
"""Final outputs that are set against each other: by the reference's names and by the candidate's,
both in the reference's form."""

Tell = Callable[["str | Step"], None]
"""Takes the plan, as text, and then every run as it ends."""

_SHARE = 0.1
"""Of the candidate's own error: an output that is off by less does not show what is sought."""


class OutOfRunsError(Exception):
    """The runs that the user allows are used up."""


@dataclass
class Ledger:
    """What is said, counted and kept of all runs of one search."""

    journal: Journal | None = None
    max_runs: int | None = None
    tell: Tell = lambda told: None
    steps: list[Step] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)

    def announce(self, plan: str) -> None:
        """Say what is going to be searched, and how many runs that takes at most."""
        self.plans.append(plan)
        self.tell(plan)

    def spend(self) -> None:
        """One run more. Raises OutOfRunsError."""
        if self.max_runs is not None:
            if self.max_runs < 1:
                raise OutOfRunsError
            self.max_runs -= 1

    def add(self, step: Step) -> None:
        """A run is done, or was found in the journal."""
        self.steps.append(step)
        self.tell(step)

    def told(self) -> dict[str, Any]:
        """The fields of a report."""
        return {"plan": "; ".join(self.plans), "steps": tuple(self.steps)}

    @property
    def how_to_continue(self) -> str:
        """What to type after --max-runs stopped a search."""
        if self.journal is not None:
            return f"continue with --resume {self.journal.path}"
        return "give --journal FILE to be able to continue"


class Trials:
    """Judges the outputs of one sample, the worst, against the reference's own.

    A run is bad when an output is off by more than its tolerance. A search for one cause of
    several lets smaller differences pass: `look_for` and `allow`.
    """

    def __init__(
        self, case: Case, tolerances: Tolerances, sample: Sample, ledger: Ledger, scope: str = ""
    ) -> None:
        self.case, self.sample, self.ledger = case, sample, ledger
        self.tolerances = tolerances
        self._scope = scope
        self._judge = Judge(case, tolerances, Swept({}))
        self._seen: dict[str, Step] = {}
        self._expected: Values = {}
        self._own: Values = {}
        self._least = 0.0

    def within(self, case: Case, sample: Sample, scope: str) -> Trials:
        """Trials of another case that go on in the same ledger, told apart by `scope`."""
        return Trials(case, self.tolerances, sample, self.ledger, scope)

    def whole(self, method: str, what: str = "the candidate as it is") -> Step:
        """The candidate as it is: how large the difference is that is looked for."""
        return self.run(method, "whole", what, lambda: self.set_against(self.expected, self.own))

    def look_for(self, error: float | None) -> None:
        """From now on a run is bad when it is off by a tenth of this error at least."""
        self.allow(_SHARE * (error or 0.0))

    def allow(self, error: float) -> None:
        """From now on a run is good as well when it is off by less than this."""
        self._least = error

    def bad(self, method: str, key: str, what: str, outputs: Callable[[], Outputs]) -> bool | None:
        """Whether a run shows the difference; None where it could not be run."""
        return {"good": False, "bad": True}.get(self.run(method, key, what, outputs).verdict)

    def run(self, method: str, key: str, what: str, outputs: Callable[[], Outputs]) -> Step:
        """Run, or look up, what `key` stands for.

        Raises OutOfRunsError.
        """
        key = f"{self._scope}{method} {key}"
        if key in self._seen:
            return self._judged(self._seen[key])
        journal = self.ledger.journal
        known = journal.find(key) if journal is not None else None
        if known is not None:
            step = replace(known, number=len(self.ledger.steps) + 1, note="from the journal")
        else:
            step = self._new(method, what, outputs)
        step = self._judged(step)
        if journal is not None and known is None:
            journal.add(key, step)
        self._seen[key] = step
        self.ledger.add(step)
        return step

    @property
    def expected(self) -> Values:
        """The reference's own outputs, by its names."""
        if not self._expected:
            self.case.reference.begin(self.sample.number, self.sample.reference)
            self._expected = self.case.reference.run_whole(self.sample.reference, last=True)
        return self._expected

    @property
    def own(self) -> Values:
        """The candidate's own outputs, by its names."""
        if not self._own:
            self._own = self.case.candidate.run_whole(self.sample.candidate, last=True)
        return self._own

    def set_against(self, reference: Values, candidate: Values) -> Outputs:
        """Outputs of both models, the candidate's brought into the reference's form."""
        formed: Values = {}
        for pair in self.case.outputs:
            ours, theirs = reference[pair.reference], candidate[pair.candidate]
            formed[pair.candidate] = in_reference_form(pair, ours, theirs)  # type: ignore[assignment]
        return reference, formed

    def _new(self, method: str, what: str, outputs: Callable[[], Outputs]) -> Step:
        self.ledger.spend()
        number, started = len(self.ledger.steps) + 1, time.perf_counter()
        try:
            within, error = self._compared(outputs())
        except BackendError as failure:
            seconds = time.perf_counter() - started
            return Step(number, method, what, "skip", None, seconds, str(failure))
        seconds = time.perf_counter() - started
        return Step(number, method, what, "", error, seconds, within=within)

    def _judged(self, step: Step) -> Step:
        """By what is looked for now, which is not what it was when the step was run."""
        if step.verdict == "skip" or step.error is None:
            return step
        good = step.within or step.error < self._least
        return replace(step, verdict="good" if good else "bad")

    def _compared(self, outputs: Outputs) -> tuple[bool, float]:
        reference, candidate = outputs
        within, worst = True, 0.0
        for pair in self.case.outputs:
            found = compare(reference[pair.reference], candidate[pair.candidate])
            worst = max(worst, found.relative)
            within = within and self._judge.within_tolerance(pair.candidate, found)
        return within, worst
