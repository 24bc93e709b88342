"""Where NaN and Inf start, as diff and bisect print it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pyonnxtool.cli._text import heading
from pyonnxtool.findings import Origin
from pyonnxtool.wording import middle, plural, printable

SHOWN = 6


def print_origins(target: Console, origins: Sequence[Origin], *, verbose: bool) -> None:
    """Two lines for each origin: what it is and why, then how many and where it ends up.

    What both sides have alike is told once.
    """
    if not origins:
        return
    heading(target, "Where NaN or Inf starts", "nothing that these nodes read explains it")
    ours = [origin for origin in origins if origin.side == "reference"]
    theirs = [origin for origin in origins if origin.side == "candidate"]
    if alike(ours) == alike(theirs):
        print_side(target, "both", theirs, verbose=verbose)
        return
    for word, found in (("reference", ours), ("candidate", theirs)):
        print_side(target, word, found, verbose=verbose)


def alike(origins: Sequence[Origin]) -> list[tuple[object, ...]]:
    """What makes two lists of origins the same to a reader."""
    return [(o.value, o.kind, o.count, o.index, o.cause, o.reaches) for o in origins]


def print_side(target: Console, word: str, origins: Sequence[Origin], *, verbose: bool) -> None:
    """The origins of one side, the first few unless asked for all."""
    if not origins:
        target.print(Text(f"  {word}: nowhere, all values are finite", style="dim"))
        return
    shown = origins if verbose else origins[:SHOWN]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for origin in shown:
        told = Text(printable(origin.cause or "cause unknown"), style="bold")
        told.append(f"\n{where(origin)}", style="not bold dim")
        grid.add_row(f"  {word}", Text(origin.kind, style="bold red"), Text(who(origin)) + told)
    target.print(grid)
    if len(shown) < len(origins):
        target.print(Text(f"  {len(origins) - len(shown):,} more; -v shows all", style="dim"))


def who(origin: Origin) -> str:
    """The node and its operator, or the name of what holds it from the start."""
    if not origin.node and not origin.op_type:
        return f"{middle(origin.value, 50)}: "
    return f"{middle(origin.node or origin.value, 50)} ({printable(origin.op_type)}): "


def where(origin: Origin) -> str:
    """`2 of 4 elements, the first at [0, 1]; made of the Inf of `a`; reaches `y``."""
    parts = [
        f"{origin.count:,} of {plural(origin.size, 'element')}, the first at {list(origin.index)}"
    ]
    if origin.comes_from:
        names = ", ".join(f"`{middle(name, 40)}`" for name in origin.comes_from[:3])
        parts.append(f"comes of the Inf in {names}")
    names = ", ".join(f"`{middle(name, 30)}`" for name in origin.reaches[:3])
    parts.append(f"reaches {names}" if names else "reaches no final output")
    return "; ".join(parts)
