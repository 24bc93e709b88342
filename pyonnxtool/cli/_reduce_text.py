"""The report of reduce as people read it, and the line that each run prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._rows import print_outputs
from pyonnxtool.cli._text import console, facts, heading
from pyonnxtool.report import ReduceReport
from pyonnxtool.wording import plural, printable

if TYPE_CHECKING:
    from pyonnxtool.divergence.reduced.narrow import Step

MOST_LINES = 40
KEPT = {
    "diverges": "still diverging",
    "crashes": "still failing",
    "nan": "still giving NaN or infinities",
    "check": "still failing the check",
}


class Lines:
    """Prints a line on stderr for each run of the search."""

    def __init__(self, *, wanted: bool) -> None:
        self._screen = console(sys.stderr) if wanted else None

    def __call__(self, step: Step) -> None:
        """`run  3:    12 of 41 nodes  still there: y differs by 2.3e-01 of its scale`."""
        if self._screen is None:
            return
        left = f"run {step.run:>3}: {step.nodes:>6,} of {step.total:,} nodes  "
        found = f"still there: {printable(step.shown)}" if step.shown else "gone"
        line = Text(left, style="dim").append(found, style="default" if step.shown else "dim")
        self._screen.print(line, no_wrap=True, overflow="ellipsis", crop=True)


def print_reduce(target: Console, report: ReduceReport, *, verbose: bool) -> None:
    """What is left, what it shows, where it is, and what it took."""
    target.print(summary(report))
    heading(target, "What is left")
    print_graph(target, report.graph, verbose=verbose)
    if report.reference_graph and report.reference_graph != report.graph:
        heading(target, "The same of the reference")
        print_graph(target, report.reference_graph, verbose=verbose)
    if report.outputs:
        print_outputs(target, report.outputs, "", verbose=verbose)
    heading(target, "How this was found")
    runs = ", ".join(f"{count} of the {side}" for side, count in report.runs.items())
    lines: list[tuple[str, str | Text]] = [
        ("  reference", report.reference),
        ("  candidate", report.candidate),
        ("  kept", f"{KEPT[report.kept]}: {report.shown}"),
        ("  search", f"{plural(report.trials, 'model')} tried in {report.seconds:.1f} s ({runs})"),
    ]
    facts(target, lines + [("  note", note) for note in report.notes])
    if report.folder:
        print_written(target, report)


def print_written(target: Console, report: ReduceReport) -> None:
    """The folder and the files that matter."""
    heading(target, f"Written to {printable(report.folder)}")
    facts(target, [(f"  {name}", about) for name, about in described(report)])


def summary(report: ReduceReport) -> Text:
    """`reduced: 1 of 41 nodes is left, still diverging: Softmax `attn/softmax``."""
    named = [f"{node.op_type} `{node.node}`" for node in report.nodes[:3]]
    more = len(report.nodes) - len(named)
    told = printable(", ".join(named)) + (f" and {more} more" if more else "")
    count = f"{len(report.nodes):,} of {plural(report.nodes_before, 'node')}"
    line = Text("reduced", style="bold green")
    verb = "is" if len(report.nodes) == 1 else "are"
    line.append(f": {count} {verb} left, {KEPT[report.kept]}: ", style="not bold default")
    return line.append(told, style="bold default")


def print_graph(target: Console, graph: str, *, verbose: bool) -> None:
    """The graph's text; of a long one its first lines."""
    lines = graph.rstrip().splitlines()
    shown = lines if verbose else lines[:MOST_LINES]
    for line in shown:
        target.print(Text(f"  {printable(line)}"), overflow="fold")
    if len(shown) < len(lines):
        target.print(f"  ... and {plural(len(lines) - len(shown), 'more line')}; -v shows all")


def described(report: ReduceReport) -> list[tuple[str, str]]:
    """The files that matter, with what they are."""
    abouts = {
        "model.onnx": "the model that is left",
        "reference.onnx": "the same nodes of the reference",
        "inputs.npz": "its inputs, for the command",
        "repro.py": f"python {report.folder}/repro.py shows it and exits with 1"
        if not any(note.startswith("repro.py") for note in report.notes)
        else "runs it",
        "ISSUE.md": "text for a bug report",
    }
    found = [(name, about) for name, about in abouts.items() if name in report.files]
    data = sum(name.endswith(".pb") for name in report.files)
    tensors = ("test_data_set_0/", f"inputs and outputs, {plural(data, 'tensor')}")
    return [*found[:-2], tensors, *found[-2:]]
