"""The report of bisect as people read it: the verdict first, then what supports it."""

from __future__ import annotations

from textwrap import wrap

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._baseline_text import print_baseline, print_news
from pyonnxtool.cli._diff_text import observer
from pyonnxtool.cli._origins_text import print_origins
from pyonnxtool.cli._quantized_text import print_quantized
from pyonnxtool.cli._rows import print_outputs, print_values, print_weights
from pyonnxtool.cli._steps_text import search_facts
from pyonnxtool.cli._text import facts, heading
from pyonnxtool.report import BisectReport, Culprit
from pyonnxtool.wording import amount, finding, inside, plural, printable, ratio, who

COLOURS = {
    "fault": "bold red",
    "drift": "bold yellow",
    "same": "bold green",
    "inconclusive": "bold yellow",
}
ROWS_SHOWN = 8


def print_bisect(target: Console, report: BisectReport, *, verbose: bool) -> None:
    """The verdict, each culprit with its reasons, the outputs, and what was done to find out."""
    print_verdict(target, report)
    for culprit in report.culprits:
        print_culprit(target, culprit, report)
    if report.verdict == "drift":
        count = None if verbose else ROWS_SHOWN
        if report.contributors:
            heading(target, "Largest contributors", "what each node adds by itself")
            print_values(target, report.contributors[:count], whole_names=verbose)
        if report.gains:
            heading(target, "Largest gains", "nodes that amplify what they are given")
            print_values(target, report.gains[:count], whole_names=verbose)
    if report.weights and not report.quantized and (verbose or not report.culprits):
        print_weights(target, report.weights, verbose=verbose)
    print_origins(target, report.origins, verbose=verbose)
    print_quantized(target, report.quantized, verbose=verbose)
    if report.outputs:
        print_outputs(target, report.outputs, "", verbose=verbose)
    print_baseline(target, report.baseline, verbose=verbose)
    heading(target, "How this was found")
    runs = ", ".join(f"{count} of the {side}" for side, count in report.runs.items())
    lines: list[tuple[str, str | Text]] = [
        ("  reference", report.reference),
        ("  candidate", report.candidate),
        ("  coverage", report.coverage.sentence()),
        ("  observer", observer(report.observer_effect)),
        ("  runs", f"{runs or 'none'}, on {plural(report.samples, 'sample')}"),
    ]
    lines += search_facts(report)
    facts(target, lines + [("  note", note) for note in report.notes])
    if report.verdict == "inconclusive" and not report.steps:
        target.print("\nTry: real data with --inputs, more --samples, or a subject with fewer")
        target.print("optimizations such as model.onnx@ort:none, so that more values line up.")


def print_verdict(target: Console, report: BisectReport) -> None:
    """The verdict and, with a baseline, whether it is news."""
    target.print(verdict(report))
    print_news(target, report.baseline)


def verdict(report: BisectReport) -> Text:
    """`fault: node `conv2` (Conv) introduces the difference`, and so on."""
    line = Text(report.verdict, style=COLOURS.get(report.verdict, ""))
    line.append(f": {finding(report)}", style="not bold default")
    if report.culprits:
        line.highlight_words([who(report.culprits[0])], style="bold default")
    return line


def print_culprit(target: Console, culprit: Culprit, report: BisectReport) -> None:
    """Why it is this node, what stands in its place in the reference, and what is around it."""
    heading(target, f"{who(culprit)[0].upper()}{who(culprit)[1:]}")
    lines: list[tuple[str, str | Text]] = []
    if culprit.why:
        lines.append(("  why", Text(printable(culprit.why), style="bold")))
    lines += [("  module", printable(culprit.module)), ("  source", printable(culprit.source))]
    lines.append(("  makes", ", ".join(culprit.outputs)))
    place = culprit.reference_node or "an unnamed node"
    made = ", ".join(culprit.reference_outputs)
    lines.append(("  counterpart", f"{place} of the reference, which makes {made}"))
    lines.append(("  introduces", amount(culprit.introduced)))
    lines.append(("  accumulated", amount(culprit.accumulated)))
    if culprit.alone is not None:
        lines.append(("  alone", f"changes an output by {ratio(culprit.alone)} of its scale"))
    if culprit.referee:
        lines.append(("  referee", culprit.referee))
    lines.append(("  inside", inside(culprit)))
    if len(culprit.region) > 1:
        lines.append(("  region", ", ".join(culprit.region)))
    facts(target, [line for line in lines if line[1]])
    if culprit.neighbourhood:
        heading(target, "Around it")
        for text in culprit.neighbourhood.splitlines():
            for line in wrap(f"  {printable(text)}", target.width, subsequent_indent=" " * 8):
                style = "bold" if text.startswith(">") else ""
                target.print(Text(line, style=style), overflow="fold")
