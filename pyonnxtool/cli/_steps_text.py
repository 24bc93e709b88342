"""What a search that goes run by run says: the plan, a line a run, and how it came out."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import fill

from pyonnxtool.report import BisectReport, Step
from pyonnxtool.wording import middle, number, plural, printable

WIDTH = 100
_MOST_VALUES = 6


def printer(line: Callable[[str], None]) -> Callable[[str | Step], None]:
    """Tells plans and runs through `line`, as they come."""

    def tell(told: str | Step) -> None:
        if isinstance(told, Step):
            line(step_line(told))
        else:
            line(fill(f"plan: {printable(told)}", WIDTH, subsequent_indent="      "))

    return tell


def step_line(step: Step) -> str:
    """`run  3  bad     1.3e-01    0.25 s  candidate from the inputs to x`."""
    error = number(step.error, 1) if step.error is not None else ""
    time = "journal" if step.note == "from the journal" else f"{step.seconds:.2f} s"
    head = f"run {step.number:>3}  {step.verdict:<4}  {error:>9}  {time:>9}  "
    told = f"{step.what}: {step.note}" if step.verdict == "skip" and step.note else step.what
    return head + middle(told, WIDTH - len(head))


def search_facts(report: BisectReport) -> list[tuple[str, str]]:
    """Lines for the end of the report: the way, its runs, the frontier and the optimizers."""
    found: list[tuple[str, str]] = []
    if report.method:
        done = f", {plural(len(report.steps), 'run')} judged" if report.steps else ""
        found.append(("  method", f"by {report.method}{done}"))
    if report.frontier is not None:
        found.append(("  frontier before", _values(report.frontier.before)))
        found.append(("  frontier after", _values(report.frontier.after)))
    if report.optimizers:
        found.append(("  optimizers", ", ".join(report.optimizers)))
    if report.optimizers_enough and set(report.optimizers_enough) != set(report.optimizers):
        found.append(("  enough alone", ", ".join(report.optimizers_enough)))
    return found


def _values(names: tuple[str, ...]) -> str:
    if not names:
        return "the inputs"
    more = len(names) - _MOST_VALUES
    shown = ", ".join(printable(name) for name in names[-_MOST_VALUES:])
    return f"{shown}, and {more} more" if more > 0 else shown
