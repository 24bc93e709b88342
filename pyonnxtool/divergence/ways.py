"""Which way a divergence is searched: by values, by splice, by pass, or one after the other."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyonnxtool.divergence.by_splice import bisect_by_splice
from pyonnxtool.divergence.by_values import bisect_by_values
from pyonnxtool.divergence.journal import Journal, case_key
from pyonnxtool.divergence.outcomes import Tell, Trials
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

    def check(self) -> None:
        """Raises UsageError for a way that there is not, and for options that it cannot honour."""
        if self.by not in WAYS:
            raise UsageError(f"--by {self.by}: use one of {', '.join(WAYS)}")
        stepwise = {
            "--journal": self.journal,
            "--resume": self.resume,
            "--max-runs": self.max_runs,
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
        trials = Trials(
            case, tolerances, sample, journal=journal, max_runs=how.max_runs, tell=how.tell
        )
        if how.by == "splice":
            return bisect_by_splice(case, first, trials, all_faults=how.all_faults)
        return _auto(case, tolerances, first, trials, how)


def _auto(
    case: Case, tolerances: Tolerances, first: FirstLook, trials: Trials, how: Search
) -> BisectReport:
    """By values; where watching hides the difference, without watching."""
    report = _by_values(case, tolerances, first)
    if report.verdict == "fault" or report.observer_effect == "none":
        return report
    spliced = bisect_by_splice(case, first, trials, all_faults=how.all_faults)
    spliced = replace(spliced, observer_effect=report.observer_effect, values=report.values)
    return spliced if spliced.verdict == "fault" else report


def _by_values(case: Case, tolerances: Tolerances, first: FirstLook) -> BisectReport:
    return replace(bisect_by_values(case, tolerances, first), method="values")


def _journal(case: Case, tolerances: Tolerances, how: Search) -> Journal | None:
    if how.journal is not None:
        return Journal.begin(how.journal, case_key(case, tolerances))
    if how.resume is not None:
        return Journal.resume(how.resume, case_key(case, tolerances))
    return None
