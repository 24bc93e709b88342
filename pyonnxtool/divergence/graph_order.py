"""Rows of values in the order in which the candidate makes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyonnxtool.report import ValueRow

if TYPE_CHECKING:
    from pyonnxtool._core import Graph


def in_graph_order(rows: Iterable[ValueRow], graph: Graph) -> tuple[ValueRow, ...]:
    """The rows, producers first; pairs are found in several passes, each in an order of its own.

    A row of a value that the graph does not name (one in a body) stays behind the row that it
    came after.
    """
    place = {
        name: number for number, node in enumerate(graph.order()) for name in node.output_names
    }
    last, placed = -1, []
    for row in rows:
        last = place.get(row.value, last)
        placed.append((last, row))
    return tuple(row for _, row in sorted(placed, key=lambda item: item[0]))
