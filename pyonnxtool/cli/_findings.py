"""What every document says of a report, as labels with texts and as tables, without its looks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyonnxtool.cli._diff_text import observer
from pyonnxtool.cli._document import Report, Setting
from pyonnxtool.cli._quantized_text import ends, share
from pyonnxtool.cli._steps_text import search_facts
from pyonnxtool.findings import Origin, QuantizedRow, Ranges
from pyonnxtool.report import BisectReport, Culprit, DiffReport, Step, WeightRow
from pyonnxtool.wording import amount, decibel, inside, number, plural, printable, ratio, typed

Facts = list[tuple[str, str]]
_NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]\d+)?( %)?|-?inf|nan")


@dataclass(frozen=True)
class Section:
    """A table that only some reports have. The first `names` columns hold names of the model."""

    title: str
    aside: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int

    def is_number(self, column: int) -> bool:
        """Whether all that the column holds are numbers or dashes, one at least a number."""
        cells = {row[column] for row in self.rows} - {"-", ""}
        return bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)


def culprit_facts(culprit: Culprit) -> Facts:
    """Why it is this node, what stands in its place, and by how much it is off."""
    made = ", ".join(culprit.reference_outputs)
    found = [
        ("why", culprit.why),
        ("makes", ", ".join(culprit.outputs)),
        ("counterpart", culprit.reference_node or f"an unnamed node, which makes {made}"),
        ("introduces", amount(culprit.introduced)),
        ("accumulated", amount(culprit.accumulated)),
        ("referee", culprit.referee),
        ("amplifies", f"{ratio(culprit.condition)} times" if culprit.condition else ""),
        ("alone", f"{ratio(culprit.alone)} of an output's scale" if culprit.alone else ""),
        ("inside", inside(culprit)),
        ("module", culprit.module),
        ("source", culprit.source),
        ("region", ", ".join(culprit.region) if len(culprit.region) > 1 else ""),
    ]
    return [(label, printable(text)) for label, text in found if text]


def report_facts(report: Report, setting: Setting) -> Facts:
    """What was compared and how."""
    runs = ", ".join(f"{count} of the {side}" for side, count in report.runs.items())
    found = [
        ("reference", report.reference),
        ("candidate", report.candidate),
        ("inputs", f"{plural(report.samples, 'sample')}, {setting.inputs}"),
        ("coverage", report.coverage.sentence()),
        ("observer", observer(report.observer_effect)),
        ("runs", runs),
    ]
    if isinstance(report, DiffReport):
        differ = f"{len(report.weights):,} different" if report.weights else "all equal"
        found.append(("weights", f"{report.weights_compared:,} compared, {differ}"))
        found.append(("allowed for outputs", report.tolerance))
    else:
        found.append(("weights", f"{len(report.weights):,} different" if report.weights else ""))
        found += [(label.strip(), text) for label, text in search_facts(report)]
    found += [("note", note) for note in report.notes]
    return [(label, printable(text)) for label, text in found if text]


def sections(report: Report) -> Iterator[Section]:
    """The tables that the report has something for."""
    if report.origins:
        yield _origins(report.origins)
    layers = [row for row in report.quantized if row.kind != "weight"]
    weights = [row for row in report.quantized if row.kind == "weight"]
    if layers:
        yield _quantized("Quantization noise", "what adds most by itself comes first", layers)
    if weights:
        yield _quantized("Quantized weights", "dequantized, against the float weights", weights)
    if report.weights:
        yield _weights(report.weights)
    if isinstance(report, DiffReport) and report.ranges:
        yield _ranges(report.ranges)
    if isinstance(report, BisectReport) and report.steps:
        yield _steps(report.steps, report.plan)


def _origins(origins: Sequence[Origin]) -> Section:
    head = ("value", "node", "op", "side", "what", "cause", "elements", "reaches")
    rows = tuple(
        (
            *(origin.value, origin.node, origin.op_type, origin.side, origin.kind, origin.cause),
            f"{origin.count:,} of {origin.size:,}",
            ", ".join(origin.reaches) or "no final output",
        )
        for origin in origins
    )
    return Section("Where NaN or Inf starts", "no input of these nodes holds any", head, rows, 3)


def _quantized(title: str, aside: str, found: Sequence[QuantizedRow]) -> Section:
    head = ("value", "op", "status", "steps", "accumulated dB", "introduced dB", "expected dB")
    more = ("at the ends", "out of range")
    rows = tuple(
        (
            *(row.value, row.op_type, row.status, row.dtype or "-", decibel(row.sqnr_db)),
            *(decibel(row.introduced_db), decibel(row.explained_db)),
            *(share(ends(row)), share(row.beyond)),
        )
        for row in found
    )
    return Section(title, aside, head + more, rows, 1)


def _ranges(ranges: Ranges) -> Section:
    head = ("value", "node", "op", "kind", "largest", "headroom bits", "overflow", "vanish")
    rows = tuple(
        (
            *(row.value, row.node, row.op_type, row.kind, number(row.max_abs)),
            "-" if row.headroom_bits is None else f"{row.headroom_bits:.1f}",
            *(f"{row.overflow:,}", f"{row.vanish:,}"),
        )
        for row in ranges.rows
    )
    keep = f"; to keep in float32: {', '.join(ranges.keep)}" if ranges.keep else ""
    return Section(f"Range of {ranges.format}", f"{ranges.note}{keep}", head, rows, 3)


def _weights(weights: Sequence[WeightRow]) -> Section:
    rows = tuple(
        (
            *(row.name, typed(row.dtype, row.shape), f"{row.changed:,}"),
            "; ".join(filter(None, (amount(row.metrics), row.note))),
        )
        for row in weights
    )
    head = ("weight", "type", "elements changed", "how far off")
    return Section("Weights that differ", "", head, rows, 1)


def _steps(steps: Sequence[Step], plan: str) -> Section:
    rows = tuple(
        (
            *(step.what, str(step.number), step.method, step.verdict),
            *(number(step.error), f"{step.seconds:.2f}", step.note),
        )
        for step in steps
    )
    head = ("what was run", "run", "method", "outputs", "error", "seconds", "note")
    return Section("Runs of the search", plan, head, rows, 1)
