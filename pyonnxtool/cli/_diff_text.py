"""The report of diff as people read it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._baseline_text import print_baseline, print_news
from pyonnxtool.cli._origins_text import print_origins
from pyonnxtool.cli._quantized_text import print_quantized
from pyonnxtool.cli._ranges_text import print_ranges
from pyonnxtool.cli._rows import (
    chosen,
    excess,
    hidden,
    print_outputs,
    print_values,
    print_weights,
)
from pyonnxtool.cli._text import facts, heading
from pyonnxtool.report import DiffReport
from pyonnxtool.wording import distance, middle, number, plural, printable, ratio, torn

COLOURS = {"same": "bold green", "different": "bold red", "inconclusive": "bold yellow"}


@dataclass(frozen=True)
class View:
    """What of a report to draw: how many rows (None: all), in which order, and the inputs."""

    rows: int | None = None
    sort: str = "graph"
    inputs: str = ""
    again: str = ""
    """Arguments of this comparison, for the command that is proposed next."""
    verbose: bool = False


def print_diff(target: Console, report: DiffReport, view: View) -> None:
    """Header, weights, outputs, values, and the verdict as the last line."""
    runs = ", ".join(f"{side} {count}" for side, count in report.runs.items())
    changed = f", {len(report.weights):,} different" if report.weights else ", all equal"
    lines: list[tuple[str, str | Text]] = [
        ("reference", report.reference),
        ("candidate", report.candidate),
        ("inputs", f"{plural(report.samples, 'sample')}, {view.inputs}"),
        ("observer", observer(report.observer_effect)),
        ("weights", f"{report.weights_compared:,} compared{changed}"),
        ("coverage", report.coverage.sentence()),
    ]
    if view.verbose and runs:
        lines.append(("runs", runs))
    facts(target, lines + [("note", note) for note in report.notes])
    if report.weights and not report.quantized:
        print_weights(target, report.weights, verbose=view.verbose)
    if report.outputs:
        print_outputs(target, report.outputs, report.tolerance, verbose=view.verbose)
    print_origins(target, report.origins, verbose=view.verbose)
    print_quantized(target, report.quantized, verbose=view.verbose)
    print_ranges(target, report.ranges, verbose=view.verbose)
    if report.values:
        order = "in graph order" if view.sort == "graph" else "worst first"
        if 0 < len(report.values_samples) < report.samples:
            order += f", of the worst samples: {', '.join(map(str, report.values_samples))}"
        shown = chosen(report.values, view.rows, view.sort)
        heading(target, "Values", order)
        if shown:
            among = report.values if view.sort == "graph" else ()
            print_values(target, shown, among, whole_names=view.verbose)
        if left := hidden(report.values, shown):
            target.print(Text(left, style="dim"))
    print_baseline(target, report.baseline, verbose=view.verbose)
    target.print()
    print_verdict(target, report, view)


def observer(effect: str) -> str:
    """What the observer-effect check found, in a sentence."""
    if effect == "none":
        return "reading intermediate values changes no final output"
    if effect == "changes the result":
        return "reading intermediate values changes the final outputs: trust those, not the table"
    if effect == "nothing read":
        return "no intermediate value was read: only final outputs were judged"
    return f"{effect}: reading intermediate values may change the final outputs"


def print_verdict(target: Console, report: DiffReport, view: View) -> None:
    """The verdict in a sentence, and what to do next."""
    line = Text(report.verdict, style=COLOURS.get(report.verdict, ""))
    target.print(line.append(f": {sentence(report)}", style="not bold default"))
    print_news(target, report.baseline)
    if report.verdict == "different":
        target.print("To name the node that is to blame:")
        target.print(Text(f"  pyonnxtool bisect {view.again}", style="bold"), soft_wrap=True)


def _worst(report: DiffReport) -> str:
    """Of several samples, the one that is the furthest off."""
    rows = [row for row in report.outputs if row.sample == report.worst_sample]
    if report.samples < 2 or not rows:
        return ""
    worst = max(rows, key=excess)
    off = worst.accumulated.get("max_abs") or 0.0
    return (
        f"; the worst is sample {worst.sample}, where `{middle(worst.value, 40)}` is off by "
        f"{number(off)}"
    )


def sentence(report: DiffReport) -> str:
    """What the verdict rests on."""
    if report.verdict == "inconclusive":
        return printable(report.notes[0] if report.notes else "too little could be compared")
    if report.verdict == "same":
        told = f"{plural(len(report.outputs), 'final output')} within tolerance"
        return f"{told} on {plural(report.samples, 'sample')}{_worst(report)}"
    bad = sorted((row for row in report.outputs if row.status == "bad"), key=excess, reverse=True)
    if not bad:
        return "see above"
    worst = bad[0]
    told = f"output `{middle(worst.value, 40)}` is off"
    off = worst.accumulated.get("max_abs")
    if off is None or torn(worst.accumulated):
        told += f": {printable(worst.note) or distance(worst)}"
    else:
        told += f" by {number(off)}"
        told += f", {ratio(excess(worst))} times what is allowed" if worst.tolerance else ""
    if report.samples > 1:
        told += f", in sample {worst.sample}, the worst of {report.samples}"
    return told + (f"; {plural(len(bad) - 1, 'more output')} too" if len(bad) > 1 else "")
