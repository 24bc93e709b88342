"""The tables of a quantized candidate: noise of layers and values, then of weights."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._text import STYLES, heading, table
from pyonnxtool.findings import QuantizedRow
from pyonnxtool.wording import decibel, middle, printable

SHOWN, WEIGHTS_SHOWN = 10, 5
NUMBERS = 72  # columns that everything but the name takes
STYLE_OF = {"fault": STYLES["bad"], "noise": STYLES["noise"]}


def print_quantized(target: Console, rows: Sequence[QuantizedRow], *, verbose: bool) -> None:
    """The worst layers and weights; every one when `verbose`."""
    if not rows:
        return
    values = [row for row in rows if row.kind != "weight"]
    weights = [row for row in rows if row.kind == "weight"]
    if values:
        heading(target, "Quantization noise", "SQNR; what adds most noise by itself comes first")
        print_table(target, values if verbose else values[:SHOWN], weights=False, whole=verbose)
        more(target, len(values) - SHOWN, "layers and values", verbose)
    if weights:
        heading(target, "Quantized weights", "dequantized, against the float weights")
        shown = weights if verbose else weights[:WEIGHTS_SHOWN]
        print_table(target, shown, weights=True, whole=verbose)
        more(target, len(weights) - WEIGHTS_SHOWN, "weights", verbose)


def print_table(
    target: Console, rows: Sequence[QuantizedRow], *, weights: bool, whole: bool
) -> None:
    """One line for each row; weights have no run of their own and no range."""
    drawn = table(target)
    drawn.add_column("\nweight" if weights else "\nvalue", overflow="fold")
    drawn.add_column("\nof", no_wrap=True)
    drawn.add_column("\nsteps", no_wrap=True)
    numbers = ["introd.\ndB", "expect.\ndB", "at the\nends"]
    for title in numbers if weights else ["accum.\ndB", *numbers, "out of\nrange"]:
        drawn.add_column(title, justify="right", no_wrap=True)
    if not weights:
        drawn.add_column("\nstatus", no_wrap=True)
    for row in rows:
        name = row.reference_value
        cells = [printable(name) if whole else middle(name, target.width - NUMBERS)]
        cells += ["quantizer" if row.kind == "activation" else middle(row.op_type, 13)]
        cells += [row.dtype or "-"] + ([] if weights else [decibel(row.sqnr_db)])
        cells += [decibel(row.introduced_db), decibel(row.explained_db), share(ends(row))]
        styled = [Text(cell) for cell in cells]
        if not weights:
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


def more(target: Console, count: int, nouns: str, verbose: bool) -> None:
    """How many rows were left out."""
    if count > 0 and not verbose:
        target.print(Text(f"  {count:,} more {nouns}; -v shows all", style="dim"))
