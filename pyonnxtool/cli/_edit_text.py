"""The report of an edit as people read it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._header_text import print_header
from pyonnxtool.cli._options import Output
from pyonnxtool.cli._output import deliver
from pyonnxtool.cli._rewrite_text import (
    SHOWN,
    checked,
    print_changes,
    print_left,
    print_ports,
    print_sizes,
    print_verification,
    print_written,
    shrunk,
)
from pyonnxtool.cli._text import facts
from pyonnxtool.surgery.edit_report import EditReport
from pyonnxtool.wording import printable


def finish(report: EditReport, output: Output) -> int:
    """Print or write the report; the exit code."""
    deliver(
        output,
        report.to_json,
        lambda screen: print_edit(screen, report, verbose=output.verbose),
        lambda screen: screen.print(summary(report), soft_wrap=True),
    )
    return 0


def summary(report: EditReport) -> Text:
    """`extract: model.onnx, 588 nodes became 12; not verified`."""
    line = Text(report.operation, style="bold green")
    name = printable(Path(report.model).name)
    if report.second:
        name += f" and {printable(Path(report.second).name)}"
    told = f": {name}, {shrunk(report.before, report.after)}; {checked(report.verification)}"
    return line.append(told, style="not bold default")


def print_edit(target: Console, report: EditReport, *, verbose: bool) -> None:
    """What was done, what goes in and out, the sizes, the proof."""
    limit = None if verbose else SHOWN
    target.print(summary(report))
    print_changes(target, report, "the model is as it was")
    print_left(target, report.left, limit)
    names = {new: old for old, new in report.pairs}
    print_ports(target, "Inputs", report.inputs_before, report.inputs, limit, names)
    print_ports(target, "Outputs", report.outputs_before, report.outputs, limit, names)
    print_sizes(target, report.before, report.after)
    print_verification(target, report.verification, limit)
    print_header(target, report.header)
    facts(target, [("note", note) for note in report.notes])
    print_written(target, report.written)
