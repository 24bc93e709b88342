"""The tables of a quantized candidate: noise of layers and values, then of weights."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._text import STYLES, heading, table
from pyonnxtool.report import QuantizedRow
from pyonnxtool.wording import decibel, middle, plural

SHOWN, WEIGHTS_SHOWN = 10, 5
NUMBERS = 62  # columns that everything but the name takes
STYLE_OF = {"fault": STYLES["bad"], "noise": STYLES["noise"]}


def print_quantized(target: Console, rows: Sequence[QuantizedRow], *, verbose: bool) -> None:
    """The worst layers and weights; every one when `verbose`."""
    if not rows:
        return
    values = [row for row in rows if row.kind != "weight"]
    weights = [row for row in rows if row.kind == "weight"]
    if values:
        heading(target, "Quantization noise", "SQNR in dB, what adds most noise by itself first")
        print_table(target, values if verbose else values[:SHOWN], beyond=True)
        more(target, len(values) - SHOWN, "layer or value", verbose)
    if weights:
        heading(target, "Quantized weights", "dequantized, against the float weights")
        print_table(target, weights if verbose else weights[:WEIGHTS_SHOWN], beyond=False)
        more(target, len(weights) - WEIGHTS_SHOWN, "weight", verbose)


def print_table(target: Console, rows: Sequence[QuantizedRow], *, beyond: bool) -> None:
    """One line for each row; `beyond`: with what only values have."""
    drawn = table(target)
    drawn.add_column("\nnode" if beyond else "\nweight", no_wrap=True)
    drawn.add_column("\nop", no_wrap=True)
    drawn.add_column("\nsteps", no_wrap=True)
    if beyond:
        drawn.add_column("accum.\ndB", justify="right", no_wrap=True)
    drawn.add_column("introd.\ndB", justify="right", no_wrap=True)
    drawn.add_column("explain.\ndB", justify="right", no_wrap=True)
    drawn.add_column("at the\nends", justify="right", no_wrap=True)
    if beyond:
        drawn.add_column("out of\nrange", justify="right", no_wrap=True)
        drawn.add_column("\nstatus", no_wrap=True)
    for row in rows:
        name = row.node or row.value if beyond else row.reference_value
        cells = [middle(name, target.width - NUMBERS), middle(row.op_type, 16), row.dtype or "-"]
        cells += [decibel(row.sqnr_db)] if beyond else []
        cells += [decibel(row.introduced_db), decibel(row.explained_db), share(ends(row))]
        styled = [Text(cell) for cell in cells]
        if beyond:
            styled.append(Text(share(row.beyond)))
            styled.append(Text(row.status, style=STYLE_OF.get(row.status, "")))
        drawn.add_row(*styled)
    target.print(drawn)


def ends(row: QuantizedRow) -> float:
    """Share of integers at the ends; the lower end of unsigned ones is an honest zero."""
    honest = row.zero_point == 0 and row.dtype.startswith("u")
    return row.at_high + (0.0 if honest else row.at_low)


def share(part: float) -> str:
    """`31 %`, `0.2 %`, `-` for none."""
    if part == 0:
        return "-"
    return f"{100 * part:.0f} %" if part >= 0.01 else f"{100 * part:.1g} %"


def more(target: Console, count: int, noun: str, verbose: bool) -> None:
    """How many rows were left out."""
    if count > 0 and not verbose:
        target.print(Text(f"  {plural(count, f'more {noun}')}; -v shows all", style="dim"))
