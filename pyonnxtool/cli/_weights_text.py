"""The weights of a model, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from pyonnxtool.cli._options import Output
from pyonnxtool.cli._output import deliver
from pyonnxtool.cli._rewrite_text import print_more
from pyonnxtool.cli._text import facts, heading, size
from pyonnxtool.wording import middle, plural, typed

if TYPE_CHECKING:
    from pyonnxtool.surgery.edit_report import EditReport, Weight

_SHOWN = 16


def show(report: EditReport, output: Output) -> int:
    """Print them, the largest first; the exit code."""

    def printed(screen: Console) -> None:
        print_totals(screen, report.weights)
        _print_each(screen, report.weights, None if output.verbose else _SHOWN)

    deliver(output, report.to_json, printed, lambda screen: print_totals(screen, report.weights))
    return 0


def print_totals(target: Console, weights: Sequence[Weight]) -> None:
    """How many of each type there are, and what they take."""
    if not weights:
        target.print("The model has no weights.")
        return
    count, taken = Counter[str](), Counter[str]()
    for one in weights:
        count[one.dtype] += 1
        taken[one.dtype] += one.bytes
    heading(target, plural(len(weights), "weight"), size(sum(taken.values())))
    facts(
        target,
        [
            (f"  {dtype}", f"{plural(count[dtype], 'tensor')}, {size(total)}")
            for dtype, total in taken.most_common()
        ],
    )


def _print_each(target: Console, weights: Sequence[Weight], limit: int | None) -> None:
    if not weights:
        return
    heading(target, "The largest" if limit else "All of them")
    facts(
        target,
        [
            (
                f"  {middle(one.name, 50)}",
                f"{typed(one.dtype, one.shape)}, {size(one.bytes)}, {one.place}",
            )
            for one in weights[:limit]
        ],
    )
    print_more(target, len(weights), limit)
