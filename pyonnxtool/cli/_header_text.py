"""What a model says of itself, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from pyonnxtool.cli._options import Output
from pyonnxtool.cli._output import deliver
from pyonnxtool.cli._text import facts, heading
from pyonnxtool.wording import printable

if TYPE_CHECKING:
    from pyonnxtool.rewriting import Change
    from pyonnxtool.surgery.edit_report import EditReport


def show(report: EditReport, parts: Sequence[Change], output: Output) -> int:
    """Print it alone, and how much there is of what `--strip` takes away; the exit code."""

    def printed(screen: Console) -> None:
        print_header(screen, report.header)
        if not report.header:
            screen.print("The model says nothing of itself.")
        if parts:
            heading(screen, "Its parts say more", "--strip takes that away")
            told = [(f"  {one.count:,}", one.rule.removesuffix(" removed")) for one in parts]
            facts(screen, told)

    deliver(output, report.to_json, printed, printed)
    return 0


def print_header(target: Console, header: Mapping[str, str]) -> None:
    """What the model says of itself."""
    if header:
        heading(target, "The model says of itself")
        facts(target, [(f"  {printable(name)}", text) for name, text in header.items()])
