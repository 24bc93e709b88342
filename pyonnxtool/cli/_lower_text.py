"""The report of lower as people read it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._rewrite_text import (
    SHOWN,
    checked,
    print_changes,
    print_sizes,
    print_verification,
    print_written,
    shrunk,
)
from pyonnxtool.cli._text import facts
from pyonnxtool.standardization import LowerReport
from pyonnxtool.wording import printable


def summary(report: LowerReport) -> Text:
    """`lowered: model.onnx, opset 17, 140 nodes became 412; outputs agree on 1 sample`."""
    name = printable(Path(report.model).name)
    line = Text("lowered" if report.changes else "the same", style="bold green")
    old, new = report.opset_before, report.opset
    versions = f"opset {new}" if old == new else f"opset {old} became {new}"
    nodes = shrunk(report.before, report.after)
    told = f": {name}, {versions}, {nodes}; {checked(report.verification)}"
    return line.append(told, style="not bold default")


def print_lower(target: Console, report: LowerReport, *, verbose: bool) -> None:
    """What became of which operators, what is kept, the sizes, the proof."""
    limit = None if verbose else SHOWN
    target.print(summary(report))
    print_changes(target, report, "there is no custom operator")
    if report.kept:
        facts(target, [("kept", name) for name in report.kept])
    print_sizes(target, report.before, report.after)
    print_verification(target, report.verification, limit)
    facts(target, [("note", note) for note in report.notes])
    print_written(target, report.written)
