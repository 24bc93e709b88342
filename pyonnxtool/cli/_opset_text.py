"""The report of opset as people read it."""

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
from pyonnxtool.cli._text import facts, heading
from pyonnxtool.conversion import OpsetReport
from pyonnxtool.wording import printable


def summary(report: OpsetReport) -> Text:
    """`lowered: model.onnx, opset 17 became 11, 588 nodes became 640; outputs agree ...`."""
    name = printable(Path(report.model).name)
    old, new = report.opset_before, report.opset
    if _is_the_same(report):
        line = Text("the same", style="bold green")
        suits = f", and {report.runtime.name} takes it" if report.runtime else ""
        return line.append(f": {name} is of opset {new} already{suits}", style="not bold default")
    line = Text("raised" if new > old else "lowered", style="bold green")
    versions = f"opset {old} became {new}" if new != old else f"opset {new}, another IR version"
    nodes = shrunk(report.before, report.after)
    told = f": {name}, {versions}, {nodes}; {checked(report.verification)}"
    return line.append(told, style="not bold default")


def _is_the_same(report: OpsetReport) -> bool:
    before = (report.opset_before, report.ir_version_before)
    return before == (report.opset, report.ir_version)


def print_opset(target: Console, report: OpsetReport, *, verbose: bool) -> None:
    """The versions, what was done to which operators, the sizes, the proof."""
    limit = None if verbose else SHOWN
    target.print(summary(report))
    if not _is_the_same(report):
        print_versions(target, report)
        print_changes(target, report, "every operator is the same in both")
        print_sizes(target, report.before, report.after)
        print_verification(target, report.verification, limit)
        facts(target, [("note", note) for note in report.notes])
    print_written(target, report.written)


def print_versions(target: Console, report: OpsetReport) -> None:
    """Opset and IR version, before and after, and who wants them so."""
    heading(target, "Versions")
    lines = [
        ("  opset of ai.onnx", f"{report.opset_before} -> {report.opset}"),
        ("  IR version", f"{report.ir_version_before} -> {report.ir_version}"),
    ]
    if report.runtime is not None:
        takes = f"takes opsets up to {report.runtime.opset}"
        lines.append((f"  {report.runtime.name}", f"{takes}: {report.runtime.source}"))
    facts(target, lines)
