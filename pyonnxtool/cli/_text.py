"""How numbers, names and tables look. Every text of the tool is drawn on a console from here."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import IO, cast

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pyonnxtool.wording import decibel, number, printable

WIDTH = 100
WIDEST = 160  # rows that are longer are hard to follow
STYLES = {"ok": "green", "noise": "yellow", "bad": "bold red"}


class Trimmed:
    """A stream without the spaces that tables leave at the ends of their lines."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write `text`, which is a number of whole lines."""
        return self._stream.write(re.sub(r" +$", "", text, flags=re.MULTILINE))

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


class Screen(Console):
    """A console that leaves a closed pipe to the caller; rich would exit with 1: "different"."""

    def on_broken_pipe(self) -> None:
        """Pass it on."""
        raise BrokenPipeError


def console(stream: IO[str] | None = None, width: int | None = None) -> Console:
    """A console on `stream` (stdout), as wide as the terminal; 100 columns where there is none.

    Colour and rules only on a terminal; NO_COLOR keeps it without colour.
    """
    file = stream or sys.stdout
    if not file.isatty():
        file = cast(IO[str], Trimmed(file))
    target = Screen(file=file, width=width, highlight=False, emoji=False, markup=False)
    if width is None:
        told = target.is_terminal or "COLUMNS" in os.environ
        target.width = min(target.width, WIDEST) if told else WIDTH
    return target


def size(count: int) -> str:
    """Bytes for people: `0 B`, `1.5 KiB`, `3.1 GiB`."""
    if count < 1024:
        return f"{count} B"
    amount = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1024 or unit == "GiB":
            return f"{amount:.1f} {unit}"
    raise AssertionError("the last unit returns")


def metric(metrics: Mapping[str, float | int | None], name: str) -> str:
    """The text of one metric of a row."""
    value = metrics.get(name)
    return decibel(value) if name == "sqnr_db" else number(value)


def facts(target: Console, pairs: Sequence[tuple[str, str | Text]]) -> None:
    """Lines of a label and a text; a long text goes on under itself."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in pairs:
        grid.add_row(label, Text(printable(text)) if isinstance(text, str) else text)
    target.print(grid)


def table(target: Console) -> Table:
    """An empty table, two spaces between columns: ruled on a terminal, bare elsewhere."""
    if target.is_terminal:
        return Table(
            box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold", show_edge=False
        )
    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)


def heading(target: Console, text: str, aside: str = "") -> None:
    """A title with an empty line before it."""
    target.print()
    target.print(Text(text, style="bold").append(f"  {aside}" if aside else "", style="dim"))
