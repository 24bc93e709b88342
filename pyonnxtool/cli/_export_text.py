"""The report of export as people read it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._rewrite_text import (
    SHOWN,
    checked,
    print_changes,
    print_ports,
    print_verification,
    print_written,
)
from pyonnxtool.cli._text import facts, size
from pyonnxtool.torch import ExportReport
from pyonnxtool.wording import plural, printable


def summary(report: ExportReport) -> Text:
    """`exported: net.py:make_model, opset 20, 140 nodes; outputs agree on 3 samples`."""
    line = Text("exported", style="bold green")
    told = (
        f": {printable(report.model)}, opset {report.opset}, {plural(report.after.nodes, 'node')}"
    )
    return line.append(f"{told}; {checked(report.verification)}", style="not bold default")


def print_export(target: Console, report: ExportReport, *, verbose: bool) -> None:
    """How it was exported, what was lowered, what goes in and out, the proof."""
    limit = None if verbose else SHOWN
    target.print(summary(report))
    facts(target, [*_facts(report)])
    print_ports(target, "Inputs", (), report.inputs, limit)
    print_ports(target, "Outputs", (), report.outputs, limit)
    if report.changes:
        print_changes(target, report)
    print_verification(target, report.verification, limit)
    facts(target, [("note", note) for note in report.notes])
    print_written(target, report.written)


def _facts(report: ExportReport) -> Iterator[tuple[str, str]]:
    exporter = f"{report.exporter} of torch {report.torch_version}"
    if report.opset_exported != report.opset:
        exporter += f", which wrote opset {report.opset_exported}"
    yield "exporter", exporter
    if report.was_training:
        told = f"eval, for the export; {plural(report.was_training, 'module')} of it"
        yield "mode", f"{told} {'was' if report.was_training == 1 else 'were'} in training mode"
    yield "weights", size(report.after.weight_bytes)
    if report.opaque:
        yield "not known to torch", ", ".join(report.opaque)
    for name in report.kept:
        yield "kept", name
