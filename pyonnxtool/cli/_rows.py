"""The tables that diff and bisect share: final outputs, intermediate values, weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pyonnxtool.cli._text import STYLES, facts, heading, metric, table
from pyonnxtool.report import Metrics, ValueRow, WeightRow
from pyonnxtool.wording import distance, middle, number, plural, printable, ratio, torn, typed

RANK = {"bad": 0, "noise": 1, "ok": 2}
NUMBERS = 49  # columns that the numbers of a row take, with the spaces between all columns
WEIGHTS_SHOWN = OUTPUTS_SHOWN = 8
NAMED = 2  # values of one note that are named; of more only their number is told


def print_outputs(
    target: Console, outputs: Sequence[ValueRow], rule: str, *, verbose: bool
) -> None:
    """A line for each final output: what it is, how far off, what is allowed. Bad ones first."""
    heading(target, "Final outputs", f"allowed: {rule}" if rule else "")
    ordered = sorted(outputs, key=lambda row: RANK.get(row.status, 3))
    shown = ordered if verbose else ordered[:OUTPUTS_SHOWN]
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(3):
        grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for row in shown:
        told = Text(distance(row))
        if row.note:
            told.append("\n" if told else "").append(printable(row.note), style="yellow")
        grid.add_row(
            Text(f"  {row.status}", style=STYLES.get(row.status, "")),
            middle(row.value, 36),
            Text(middle(short_type(row), 22), style="dim"),
            told,
        )
    target.print(grid)
    if left := ordered[len(shown) :]:
        target.print(Text(f"  {len(left):,} more ({counted(left)}); -v shows all", style="dim"))


def print_values(
    target: Console,
    rows: Sequence[ValueRow],
    among: Sequence[ValueRow] = (),
    *,
    whole_names: bool = False,
) -> None:
    """The table of intermediate values. Names that are too long lose their middle, or are folded.

    Where values of `among` (in its order) are left out between two rows, a line says so.
    """
    swept = any(row.introduced for row in rows)
    name_width, op_width, type_width = widths(rows, target.width - NUMBERS)
    drawn = value_table(target, typed=type_width > 0, swept=swept)

    def gap(left: Sequence[ValueRow]) -> None:
        if left:
            drawn.add_row(Text(middle(f"⋮ {counted(left)}", name_width), style="dim"))

    places = {id(row): index for index, row in enumerate(among)}
    seen = 0
    for row in rows:
        place = places.get(id(row), seen)
        gap(among[seen:place])
        seen = place + 1
        name = both_names(row) if whole_names else middle(row.value, name_width)
        cells = [Text(name), Text(middle(row.op_type, op_width))]
        if type_width:
            cells.append(Text(middle(short_type(row), type_width), style="dim"))
        cells += [Text(largest(row.accumulated)), Text(metric(row.accumulated, "sqnr_db"))]
        if swept:
            style = "bold red" if introduces(row) else ""
            cells += [Text(largest(row.introduced), style=style), Text(ratio(row.gain))]
        drawn.add_row(*cells, Text(row.status, style=STYLES.get(row.status, "")))
    gap(among[seen:])
    target.print(drawn)
    print_notes(target, rows)


def print_notes(target: Console, rows: Sequence[ValueRow]) -> None:
    """What is said of single values; one line for many of which the same is said."""
    by_note: dict[str, list[ValueRow]] = {}
    for row in rows:
        if row.note:
            by_note.setdefault(row.note, []).append(row)
    for note, noted in by_note.items():
        names = [middle(row.value, 40) for row in noted[:NAMED]]
        many = len(noted) > NAMED
        who = plural(len(noted), "value") if many else ", ".join(names)
        target.print(Text(printable(f"{who}: {note}"), style="dim"))


def both_names(row: ValueRow) -> str:
    """The whole name, and what the reference calls the value when that is another name."""
    if row.reference_value == row.value:
        return printable(row.value)
    return printable(f"{row.value} (reference: {row.reference_value})")


def value_table(target: Console, *, typed: bool, swept: bool) -> Table:
    """The empty table, with the columns of types and of introduced errors where wanted."""
    drawn = table(target)
    drawn.add_column("\nvalue", overflow="fold")
    drawn.add_column("\nop", no_wrap=True)
    if typed:
        drawn.add_column("\ntype", no_wrap=True)
    drawn.add_column("accum.\nmax abs", justify="right", no_wrap=True)
    drawn.add_column("accum.\ndB", justify="right", no_wrap=True)
    if swept:
        drawn.add_column("introd.\nmax abs", justify="right", no_wrap=True)
        drawn.add_column("\ngain", justify="right", no_wrap=True)
    drawn.add_column("\nstatus", no_wrap=True)
    return drawn


def counted(rows: Sequence[ValueRow]) -> str:
    """`21 bad, 1 noise, 20 ok`, without what there is none of."""
    counts = [(sum(row.status == status for row in rows), status) for status in RANK]
    return ", ".join(f"{count:,} {status}" for count, status in counts if count)


def widths(rows: Sequence[ValueRow], room: int) -> tuple[int, int, int]:
    """Columns for name, operator and type: long operators and types give way to long names.

    On a screen too narrow for all, the type goes, which then has a width of 0.
    """
    name = max((len(row.value) for row in rows), default=0)
    op = min(max((len(row.op_type) for row in rows), default=0), 18)
    kind = min(max((len(short_type(row)) for row in rows), default=0), 22)
    if op + kind + min(name, 26) > room:
        op, kind = min(op, 13), min(kind, 15) if room > 40 else 0
    return max(room - op - kind, 12), op, kind


def chosen(rows: Sequence[ValueRow], count: int | None, sort: str) -> list[ValueRow]:
    """The `count` rows that say most, in graph order or worst first; all when `count` is None.

    In graph order, bad values come before others, the first of the graph before later ones; then
    those whose nodes introduce the most for what rounding explains. A single value that would be
    left out between two others is shown: a line that says so would take as much room.
    """
    if sort == "worst":
        return sorted(rows, key=lambda row: (RANK.get(row.status, 3), loudness(row)))[:count]
    order = {id(row): index for index, row in enumerate(rows)}

    def interest(row: ValueRow) -> tuple[int, float, float]:
        rank = RANK.get(row.status, 3)
        return (0 if introduces(row) else rank + 1, -share(row) if rank else 0.0, loudness(row))

    keep = {order[id(row)] for row in sorted(rows, key=interest)[:count]}
    alone = {place + 1 for place in keep if place + 2 in keep}
    return [row for place, row in enumerate(rows) if place in keep | alone]


def loudness(row: ValueRow) -> float:
    """The accumulated signal to noise ratio; lower is worse, -inf where there is none to give."""
    ratio_db = row.accumulated.get("sqnr_db")
    if ratio_db is None or torn(row.accumulated):
        return -math.inf if row.status == "bad" else math.inf
    return ratio_db


def share(row: ValueRow) -> float:
    """What the node introduces, as a part of what rounding explains."""
    off = row.introduced.get("max_abs") or 0.0
    return off / row.tolerance if row.tolerance else 0.0


def hidden(rows: Sequence[ValueRow], shown: Sequence[ValueRow]) -> str:
    """How many values of which status the table leaves out, and how to see them."""
    kept = {id(row) for row in shown}
    left = [row for row in rows if id(row) not in kept]
    if not left:
        return ""
    told = plural(len(left), "more value")
    return f"{told} ({counted(left)}); --rows all shows every one"


def introduces(row: ValueRow) -> bool:
    """Whether the node itself adds more than rounding explains."""
    off = row.introduced.get("max_abs")
    if off is None or row.tolerance is None:
        return False
    return torn(row.introduced) or not off <= row.tolerance


def excess(row: ValueRow) -> float:
    """How many times the accumulated error is what is allowed; infinite for a lone NaN."""
    off = row.accumulated.get("max_abs") or 0.0
    if torn(row.accumulated) or not math.isfinite(off):
        return math.inf
    if row.status == "bad" and not row.accumulated:  # shapes or dtypes that cannot be compared
        return math.inf
    return off / row.tolerance if row.tolerance else math.inf if off else 0.0


def largest(metrics: Metrics) -> str:
    """The largest difference in at most seven columns; a NaN or Inf on one side outdoes it."""
    if torn(metrics):
        return "nan" if metrics.get("nan_mismatch") else "inf"
    return number(metrics.get("max_abs"), digits=1)


def short_type(row: ValueRow) -> str:
    """`f32[1,64,56,56]`: a dtype as people abbreviate it."""
    text = typed(row.dtype, row.shape)
    for long, brief in (("float", "f"), ("uint", "u"), ("int", "i")):
        text = text.replace(long, brief)
    return text


def print_weights(target: Console, rows: Sequence[WeightRow], *, verbose: bool) -> None:
    """Weights that differ, the first few unless asked for all."""
    heading(target, "Weights that differ")
    shown = rows if verbose else rows[:WEIGHTS_SHOWN]
    lines = []
    for row in shown:
        parts = [typed(row.dtype, row.shape)]
        if row.changed:
            parts.append(f"{plural(row.changed, 'element')} changed")
        if row.metrics.get("max_abs") is not None:
            parts.append(f"max abs {metric(row.metrics, 'max_abs')}")
        parts += [row.note] if row.note else []
        lines.append((f"  {middle(row.name, 40)}", ", ".join(parts)))
    facts(target, lines)
    if len(shown) < len(rows):
        target.print(f"  {len(rows) - len(shown):,} more; -v shows every one", style="dim")
