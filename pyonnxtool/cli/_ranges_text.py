"""How a model would fit a narrower float, as diff prints it."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from pyonnxtool.cli._quantized_text import share
from pyonnxtool.cli._text import facts, heading, table
from pyonnxtool.findings import RangeRow, Ranges
from pyonnxtool.wording import middle, number, plural, printable

SHOWN, KEPT_SHOWN = 12, 12
NUMBERS = 72  # columns that everything but the name takes


def print_ranges(target: Console, ranges: Ranges | None, *, verbose: bool) -> None:
    """The table of what fits worst, then the nodes to keep in float32."""
    if ranges is None:
        return
    bad = [row for row in ranges.rows if row.overflow or row.vanish]
    over = sum(row.overflow > 0 for row in ranges.rows)
    aside = f"of the reference: {over:,} overflow, {len(bad) - over:,} lose numbers to zero"
    heading(target, f"Ranges for {ranges.format}", f"{aside}, of {len(ranges.rows):,}")
    shown = ranges.rows if verbose else ranges.rows[:SHOWN]
    drawn = table(target)
    for title in ("value", "op"):
        drawn.add_column(f"\n{title}", overflow="fold", no_wrap=title == "op")
    for title in ("largest", "smallest", "headroom\nbits", "over-\nflow", "vanish", "sub-\nnormal"):
        two = title if "\n" in title else f"\n{title}"
        drawn.add_column(two, justify="right", no_wrap=True)
    for row in shown:
        name = printable(row.value) if verbose else middle(row.value, target.width - NUMBERS)
        drawn.add_row(*map(Text, [name, *cells(row)]))
    target.print(drawn)
    if len(shown) < len(ranges.rows):
        left = f"  {len(ranges.rows) - len(shown):,} more, all with more room; -v shows all"
        target.print(Text(left, style="dim"))
    print_kept(target, ranges, verbose=verbose)


def cells(row: RangeRow) -> list[str]:
    """The columns behind the name."""
    bits = "-" if row.headroom_bits is None else f"{row.headroom_bits:.1f}"
    lost = [share(part / max(row.count, 1)) for part in (row.overflow, row.vanish, row.subnormal)]
    what = row.op_type if row.kind == "value" else row.kind
    return [middle(what, 12), number(row.max_abs, 1), number(row.min_abs, 1), bits, *lost]


def print_kept(target: Console, ranges: Ranges, *, verbose: bool) -> None:
    """Which nodes have to stay in float32, whether that was tried, and what came of it."""
    shown = ranges.keep if verbose else ranges.keep[:KEPT_SHOWN]
    names = ", ".join(middle(name, 60) for name in shown)
    if left := len(ranges.keep) - len(shown):
        names += f" and {left:,} more (-v shows all)"
    tried = "tried: " if ranges.verified else ""
    label = "keep in float32" if ranges.keep else "float32"
    told = f"{plural(len(ranges.keep), 'node')}: {names}" if ranges.keep else "no node needs it"
    if not ranges.keep and not ranges.verified:
        told = "unknown"
    target.print()
    facts(target, [(label, told), ("", f"{tried}{ranges.note}")])
