"""Numbers and findings in words. What is drawn around them (tables, colours) is the cli's."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyonnxtool.report import BisectReport, Culprit, Metrics, ValueRow

TIMES = "\N{MULTIPLICATION SIGN}"


def number(value: float | int | None, digits: int = 2) -> str:
    """`1.23e-05`, `0`, `nan`; a dash when there is none."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e4):
        return f"{int(value):,}"
    return f"{value:.{digits}e}"


def ratio(value: float | None) -> str:
    """A factor for people: `0.98`, `1.40`, `7,805`, `2.1e+07`."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size >= 1e6 or 0 < size < 0.005:
        return f"{value:.1e}"
    return f"{value:,.{2 if size < 10 else 1 if size < 100 else 0}f}"


def decibel(value: float | int | None) -> str:
    """A signal-to-noise ratio; `inf` where nothing differs."""
    if value is None:
        return "-"
    return f"{value:.1f}" if math.isfinite(value) else str(float(value))


def typed(dtype: str | None, shape: Sequence[int | str | None] | None) -> str:
    """`float32[batch,3,224]`; an unknown size is `?`, and so is an unknown dtype."""
    if shape is None:
        return f"{dtype or '?'} of any shape"
    return f"{dtype or '?'}[{','.join('?' if size is None else str(size) for size in shape)}]"


def middle(text: str, width: int) -> str:
    """`text` in at most `width` columns; what does not fit is left out in the middle."""
    text = printable(text)
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def printable(text: str) -> str:
    """`text` with control characters escaped: a name in a model cannot move the cursor."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def plural(count: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def torn(metrics: Metrics) -> bool:
    """Whether a NaN or an infinity is on one side only."""
    return bool(metrics.get("nan_mismatch") or metrics.get("inf_mismatch"))


def distance(row: ValueRow) -> str:
    """`max abs 3.2e-02, allowed 4.1e-06, SQNR 31.2 dB`; `equal`; a count where there is no more."""
    off, wrong = row.accumulated.get("max_abs"), row.accumulated.get("mismatched")
    if off is None:
        return f"{plural(int(wrong), 'element')} not equal" if wrong else ""
    if not wrong and off == 0:
        return "equal"
    words = f"max abs {number(off)}"
    if row.tolerance is not None:
        words += f", allowed {number(row.tolerance)}"
    if row.accumulated.get("sqnr_db") is not None:
        words += f", SQNR {decibel(row.accumulated['sqnr_db'])} dB"
    return words


def amount(metrics: Metrics) -> str:
    """`max abs 1.2e-02, max rel 3.4e-01, SQNR 30.1 dB`."""
    words = []
    for name, told in (("max_abs", "max abs"), ("max_rel", "max rel")):
        if metrics.get(name) is not None:
            words.append(f"{told} {number(metrics[name])}")
    if metrics.get("sqnr_db") is not None:
        words.append(f"SQNR {decibel(metrics['sqnr_db'])} dB")
    for name, told in (("nan_mismatch", "NaN"), ("inf_mismatch", "Inf")):
        if count := metrics.get(name):
            words.append(f"{told} on one side only at {plural(int(count), 'place')}")
    return ", ".join(words)


def who(culprit: Culprit) -> str:
    """The node as people would point at it, also when it has no name."""
    op = f"{culprit.domain}::{culprit.op_type}" if culprit.domain else culprit.op_type
    if culprit.node:
        return printable(f"node `{culprit.node}` ({op})")
    made = culprit.outputs[0] if culprit.outputs else "?"
    return printable(f"the unnamed {op} that makes `{made}`")


def inside(culprit: Culprit) -> str:
    """The body or function that holds the node: "main/loop.body, iteration 3"; "" for neither."""
    where = "" if culprit.graph == "main" else culprit.graph
    return where if culprit.iteration is None else f"{where}, iteration {culprit.iteration}"


def finding(report: BisectReport) -> str:
    """What bisect found, without the verdict's own word: "node `conv2` (Conv) introduces ..."."""
    if report.verdict == "fault" and report.culprits:
        more = len(report.culprits) - 1
        told = f"{who(report.culprits[0])} introduces the difference"
        told += f", and {plural(more, 'other node')} too" if more else ""
        if report.optimizers:
            told += f"; without {' and '.join(report.optimizers)} it is gone"
        return told
    told = {
        "same": f"the final outputs agree on {plural(report.samples, 'sample')}; nothing to find",
        "fault": "the outputs differ by more than rounding explains",
        "drift": "the outputs differ, yet no node by itself adds more than rounding explains",
        "inconclusive": "no node can be named",
    }[report.verdict]
    return printable(report.reason) or told
