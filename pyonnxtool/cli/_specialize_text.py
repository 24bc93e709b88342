"""The report of specialize as people read it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._rewrite_text import (
    SHOWN,
    checked,
    port_type,
    print_changes,
    print_left,
    print_more,
    print_ports,
    print_sizes,
    print_verification,
    print_written,
    shrunk,
)
from pyonnxtool.cli._text import facts, heading
from pyonnxtool.specialization import SpecializeReport
from pyonnxtool.wording import middle, plural, printable


def summary(report: SpecializeReport) -> Text:
    """`specialized: model.onnx, 588 nodes became 412, outputs agree on 1 sample`."""
    line = Text("specialized", style="bold green")
    name = printable(Path(report.model).name)
    told = f": {name}, {shrunk(report.before, report.after)}, {checked(report.verification)}"
    if report.dynamic:
        verb = "stays" if len(report.dynamic) == 1 else "stay"
        told += f", {plural(len(report.dynamic), 'value')} {verb} dynamic"
    return line.append(told, style="not bold default")


def print_rewrite(target: Console, report: SpecializeReport, *, verbose: bool) -> None:
    """What was bound, what was done, what stays dynamic, and the proof."""
    limit = None if verbose else SHOWN
    target.print(summary(report))
    print_ports(target, "Inputs", report.inputs_before, report.inputs, limit)
    heading(target, "Outputs")
    facts(target, [(f"  {middle(o.name, 50)}", port_type(o)) for o in report.outputs[:limit]])
    print_more(target, len(report.outputs), limit)
    print_changes(target, report)
    print_dynamic(target, report, limit)
    print_left(target, report.left, limit)
    print_sizes(target, report.before, report.after)
    print_verification(target, report.verification, limit)
    facts(target, [("note", note) for note in report.notes])
    print_written(target, report.written)


def print_dynamic(target: Console, report: SpecializeReport, limit: int | None) -> None:
    """Values without a fixed size, those of one reason together."""
    if not report.dynamic:
        return
    heading(target, "Stays dynamic", plural(len(report.dynamic), "value"))
    reasons: dict[str, list[str]] = {}
    for one in report.dynamic:
        reasons.setdefault(one.reason, []).append(f"{one.value}{one.shape}")
    lines = []
    for reason, values in list(reasons.items())[:limit]:
        shown = ", ".join(middle(value, 60) for value in values[: limit and limit // 3])
        left = len(values) - len(values[: limit and limit // 3])
        lines.append((f"  {printable(reason)}", shown + (f" and {left:,} more" if left else "")))
    facts(target, lines)
    print_more(target, len(reasons), limit)
