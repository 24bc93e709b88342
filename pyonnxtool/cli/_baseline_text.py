"""How a report stands against an older one, as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from pyonnxtool.baseline import sentence
from pyonnxtool.cli._text import facts, heading
from pyonnxtool.report_parts import Baseline
from pyonnxtool.wording import middle, plural, printable

SHOWN = 8


def print_baseline(target: Console, baseline: Baseline | None, *, verbose: bool) -> None:
    """What got worse, each with its reason; nothing without a baseline."""
    if baseline is None:
        return
    heading(target, "Against the baseline", baseline.path)
    count = None if verbose else SHOWN
    lines: list[tuple[str, str | Text]] = [
        (f"  {one.kind}", f"{middle(one.name, 50)}: {one.why}") for one in baseline.worse[:count]
    ]
    if left := baseline.worse[SHOWN:] if count else ():
        lines.append(("", f"{len(left):,} more; -v shows every one"))
    if baseline.gone:
        gone = plural(len(baseline.gone), "value")
        shown = ", ".join(middle(name, 40) for name in baseline.gone[:count])
        more = ", ..." if count and len(baseline.gone) > count else ""
        lines.append(("  gone", f"{gone} of the baseline: {shown}{more}"))
    lines.append(("  in all", sentence(baseline)))
    facts(target, lines + [("  note", note) for note in baseline.notes])


def print_news(target: Console, baseline: Baseline | None) -> None:
    """One line below the verdict: the exit code follows it."""
    if baseline is not None:
        style = "bold red" if baseline.worse else "bold green"
        target.print(Text(printable(sentence(baseline)), style=style))


def exit_code(codes: Mapping[str, int], report: Any) -> int:
    """The verdict's code; with a baseline, 1 where something got worse and 0 where nothing did.

    What could not be judged keeps its code.
    """
    code = codes[report.verdict]
    if report.baseline is None or code > 1:
        return code
    return int(bool(report.baseline.worse))
