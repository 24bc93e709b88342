"""What diff says of an If, Loop or Scan that is bad: where inside of it the difference starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.divergence.bodies.descent import Inside, look_inside
from pyonnxtool.divergence.bodies.outer_values import OuterValues
from pyonnxtool.divergence.bodies.turns import control_flow_pair, is_control_flow
from pyonnxtool.divergence.search.by_values import bisect_by_values

if TYPE_CHECKING:
    from pyonnxtool._core import Node
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.sweep import Swept
    from pyonnxtool.report import ValueRow
    from pyonnxtool.verdict import Tolerances


def with_inside_notes(
    case: Case, tolerances: Tolerances, swept: Swept, rows: Iterable[ValueRow]
) -> tuple[ValueRow, ...]:
    """The rows; bad ones that a control-flow node makes say what is inside.

    Every such node is searched once, however many values it makes.
    """
    if case.reference.recorded is not None:
        return tuple(rows)
    known: dict[tuple[int, int], str] = {}
    noted = []
    for row in rows:
        pair = _pair(case, row) if row.status == "bad" else None
        if pair is None:
            noted.append(row)
            continue
        key = pair[1].id, row.sample
        if key not in known:
            sample = next(one for one in case.samples if one.number == row.sample)
            around = OuterValues(case, sample, swept.types, swept.shapes)
            known[key] = _told(look_inside(case, tolerances, pair, around, bisect_by_values))
        noted.append(replace(row, note="; ".join(filter(None, [row.note, known[key]]))))
    return tuple(noted)


def _pair(case: Case, row: ValueRow) -> tuple[Node, Node] | None:
    """The control-flow nodes that make the row's values, when they are of one kind."""
    node = case.candidate.model.graph.value(row.value).producer
    if node is None or not is_control_flow(node):
        return None
    sides = (
        (case.reference.model, [pair.reference for pair in case.pairs], row.reference_value),
        (case.candidate.model, [pair.candidate for pair in case.pairs], row.value),
    )
    ours, theirs = (
        [model.graph.node(index) for index in _core.region(model, paired, [name], True)]
        for model, paired, name in sides
    )
    return control_flow_pair(ours, theirs)


def _told(inside: Inside) -> str:
    if inside.culprits:
        first = inside.culprits[0]
        made = next(iter(first.outputs), first.node)
        when = "" if first.iteration is None else f" in iteration {first.iteration}"
        return f"differs first{when} at `{made}` in {first.graph}"
    return "; ".join(inside.own) or inside.reason
