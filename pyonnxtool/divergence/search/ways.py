"""Which way a divergence is searched: by values, by splice, by pass, or one after the other."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyonnxtool.divergence.network.lineup import line_up
from pyonnxtool.divergence.search.apart import sides_apart
from pyonnxtool.divergence.search.by_pass import bisect_by_pass, optimizing_side
from pyonnxtool.divergence.search.by_splice import bisect_by_splice
from pyonnxtool.divergence.search.by_values import bisect_by_values
from pyonnxtool.divergence.search.journal import Journal, case_key
from pyonnxtool.divergence.search.outcomes import Ledger, Tell, Trials
from pyonnxtool.errors import UsageError

if TYPE_CHECKING:
    from os import PathLike

    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.first_look import FirstLook
    from pyonnxtool.report import BisectReport
    from pyonnxtool.verdict import Tolerances

WAYS = ("auto", "values", "splice", "pass")


@dataclass(frozen=True)
class Search:
    """How the user wants the search to be done."""

    by: str = "auto"
    all_faults: bool = False
    journal: str | PathLike[str] | None = None
    resume: str | PathLike[str] | None = None
    max_runs: int | None = None
    tell: Tell | None = None
    timeout: float | None = None

    def check(self) -> None:
        """Raises UsageError for a way that there is not, and for options that it cannot honour."""
        if self.by not in WAYS:
            raise UsageError(f"--by {self.by}: use one of {', '.join(WAYS)}")
        stepwise = {
            "--journal": self.journal,
            "--resume": self.resume,
            "--max-runs": self.max_runs,
            "--timeout": self.timeout,
        }
        given = [name for name, value in stepwise.items() if value is not None]
        if given and self.by == "values":
            raise UsageError(
                f"{given[0]} is for searches that go run by run: --by splice, pass or auto; "
                "--by values measures everything at once"
            )
        if self.journal is not None and self.resume is not None:
            raise UsageError("--journal begins a new journal, --resume continues one: give one")
        if self.max_runs is not None and self.max_runs < 1:
            raise UsageError("--max-runs: at least 1 is needed")


def search(case: Case, tolerances: Tolerances, first: FirstLook, how: Search) -> BisectReport:
    """The report of the way that was asked for; `first` holds a sample that differs."""
    if how.by == "values":
        return _by_values(case, tolerances, first)
    sample = case.samples[first.bad[0]]
    journal = _journal(case, tolerances, how)
    with closing(journal) if journal is not None else nullcontext():
        ledger = Ledger(journal, how.max_runs, how.tell or (lambda told: None))
        trials = Trials(case, tolerances, sample, ledger)
        if how.by == "auto":
            return _auto(case, tolerances, first, trials, how)
        with sides_apart(case, how.timeout):
            if how.by == "pass":
                return bisect_by_pass(case, first, trials)
            line_up(case, [sample])
            return bisect_by_splice(case, first, trials, all_faults=how.all_faults)


def _auto(
    case: Case, tolerances: Tolerances, first: FirstLook, trials: Trials, how: Search
) -> BisectReport:
    """By values first. One model with two sets of optimizations is explained by pass as well.

    Where watching the values changes the result and shows no culprit, what watches nothing
    decides: pass, which goes on by splice, and otherwise splice, and pass to name the optimizers.
    """
    report = _by_values(case, tolerances, first)
    hidden = report.verdict != "fault" and report.observer_effect != "none"
    only_optimized = _only_optimized(case, first)
    if not hidden and not only_optimized:
        return report
    with sides_apart(case, how.timeout):
        if only_optimized:
            passed = bisect_by_pass(case, first, trials, narrow=hidden)
            if passed.optimizers or not hidden:
                return _merged(passed if hidden else report, report, passed)
        return _without_watching(case, first, trials, how, report)


def _without_watching(
    case: Case, first: FirstLook, trials: Trials, how: Search, report: BisectReport
) -> BisectReport:
    """By splice, and the optimizers that made what it names. `report`: what values said."""
    try:
        spliced = bisect_by_splice(case, first, trials, all_faults=how.all_faults)
    except UsageError:  # there is nothing to cut, so what values said remains
        return report
    if optimizing_side(case) is None or spliced.verdict == "inconclusive":
        return _merged(spliced, report, None)
    return _merged(spliced, report, bisect_by_pass(case, first, trials, narrow=False))


def _merged(named: BisectReport, values: BisectReport, passed: BisectReport | None) -> BisectReport:
    """What one way named, with what values measured and the optimizers that pass found."""
    merged = replace(named, observer_effect=values.observer_effect, values=values.values)
    if passed is None or passed is named:
        return merged
    return replace(
        merged,
        optimizers=passed.optimizers,
        optimizers_enough=passed.optimizers_enough,
        steps=passed.steps,
        plan=passed.plan,
        notes=(*named.notes, *([f"by pass: {passed.reason}"] if passed.optimizers else [])),
    )


def _only_optimized(case: Case, first: FirstLook) -> bool:
    """Whether both sides are one model, and one backend runs it with other options."""
    same = [candidate for _, candidate, same in case.alignment.nodes if same]
    return (
        optimizing_side(case) is not None
        and case.reference.backend is case.candidate.backend
        and case.reference.options != case.candidate.options
        and not first.weights
        and len(same) == case.candidate.model.graph.node_count
        and case.reference.model.graph.node_count == case.candidate.model.graph.node_count
    )


def _by_values(case: Case, tolerances: Tolerances, first: FirstLook) -> BisectReport:
    return replace(bisect_by_values(case, tolerances, first), method="values")


def _journal(case: Case, tolerances: Tolerances, how: Search) -> Journal | None:
    if how.journal is not None:
        return Journal.begin(how.journal, case_key(case, tolerances))
    if how.resume is not None:
        return Journal.resume(how.resume, case_key(case, tolerances))
    return None
