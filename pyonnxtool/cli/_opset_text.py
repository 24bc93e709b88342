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
    line = Text("lowered", style="bold green")
    name = printable(Path(report.model).name)
    versions = f"opset {report.opset_before} became {report.opset}"
    nodes = shrunk(report.before, report.after)
    told = f": {name}, {versions}, {nodes}; {checked(report.verification)}"
    return line.append(told, style="not bold default")


def print_opset(target: Console, report: OpsetReport, *, verbose: bool) -> None:
    """The versions, what was done to which operators, the sizes, the proof."""
    limit = None if verbose else SHOWN
    target.print(summary(report))
    heading(target, "Versions")
    facts(
        target,
        [
            ("  opset of ai.onnx", f"{report.opset_before} -> {report.opset}"),
            ("  IR version", f"{report.ir_version_before} -> {report.ir_version}"),
        ],
    )
    print_changes(target, report, "every operator is the same in both")
    print_sizes(target, report.before, report.after)
    print_verification(target, report.verification, limit)
    facts(target, [("note", note) for note in report.notes])
    print_written(target, report.written)
