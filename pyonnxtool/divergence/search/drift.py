"""What drift is made of: the nodes that add most, those that amplify most, and how well posed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyonnxtool.divergence.blame.condition import Condition
from pyonnxtool.divergence.blame.referee import Referee
from pyonnxtool.divergence.blame.why import own_differences
from pyonnxtool.report import ValueRow

if TYPE_CHECKING:
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.search.suspects import Search
    from pyonnxtool.divergence.sweep import Swept

_LISTED = 10
_ASKED = 3
"""Of each list, the rows whose condition is estimated."""
_FEW = 3
"""So many nodes that are not what their counterparts are, and no more, are worth a look."""
_TOLD_GAIN = 10.0
"""A node that amplifies less is not asked why."""


@dataclass(frozen=True)
class Drift:
    """The rows of a drift report, and the sentence that says what made the outputs differ."""

    contributors: tuple[ValueRow, ...]
    gains: tuple[ValueRow, ...]
    reason: str


def drift(case: Case, search: Search) -> Drift:
    """Ranks what was measured. Ill-conditioned regions that looked like faults come first."""
    swept = search.swept
    rows = [search.judge.row(m) for m in swept.values.values() if m.accumulated is not None]
    changed = _changed(case)
    first = {measured.pair.candidate for measured, _ in search.ill_conditioned} | changed.keys()
    rows = [replace(row, note=_noted(row.note, changed.get(row.value, ""))) for row in rows]
    contributors = _largest(
        rows, lambda row: _introduced(row, swept), lambda row: row.value in first
    )
    gains = _largest(rows, lambda row: row.gain or 0.0)
    asked = [*contributors[:_ASKED], *(row for row in gains[:_ASKED] if _amplifies(row))]
    found = _conditions(case, search, {row.value for row in asked})
    return Drift(
        tuple(_with_condition(row, found) for row in contributors),
        tuple(_with_condition(row, found) for row in gains),
        _reason([*asked], found, changed),
    )


def _changed(case: Case) -> dict[str, str]:
    """Values that the few nodes make that are not what their counterparts are, and in what.

    Nothing where there are many: then the models are written differently.
    """
    ours, theirs = case.reference.model, case.candidate.model
    found: dict[str, str] = {}
    for one, other, same in case.alignment.nodes:
        node = theirs.graph.node(other)
        why = [] if same else own_differences(ours, ours.graph.node(one), theirs, node)
        if why:
            found |= dict.fromkeys(node.output_names[:1], why[0])
        if len(found) > _FEW:
            return {}
    return found


def _noted(note: str, more: str) -> str:
    return "; ".join(filter(None, (note, more)))


def _conditions(case: Case, search: Search, names: set[str]) -> dict[str, Condition]:
    known = {
        measured.pair.candidate: ruling.condition for measured, ruling in search.ill_conditioned
    }
    asked = [search.swept.values[name] for name in sorted(names - known.keys())]
    referee = Referee(case, search.pairs, asked, search.swept.types, search.swept.shapes)
    known |= {measured.pair.candidate: referee.condition(measured) for measured in asked}
    return {name: condition for name, condition in known.items() if condition is not None}


def _with_condition(row: ValueRow, found: dict[str, Condition]) -> ValueRow:
    condition = found.get(row.value)
    if condition is None:
        return row
    return replace(row, condition=condition.number, referee=condition.sentence())


def _reason(
    asked: Sequence[ValueRow], found: Mapping[str, Condition], changed: Mapping[str, str]
) -> str:
    if len(changed) == 1:
        ((name, why),) = changed.items()
        return (
            "no node introduces more than rounding explains; the only one that is not what its "
            f"counterpart is makes {name!r}: {why}"
        )
    ill = [row for row in asked if row.value in found and found[row.value].ill]
    if not ill:
        return "no node introduces more than rounding explains; errors add up"
    worst = max(ill, key=lambda row: found[row.value].number)
    name = worst.node or worst.value
    return (
        f"no node introduces more than rounding explains; {worst.op_type} {name!r} is "
        f"{found[worst.value].sentence()}"
    )


def _largest(
    rows: Sequence[ValueRow],
    size: Callable[[ValueRow], float],
    leads: Callable[[ValueRow], bool] = lambda row: False,
) -> tuple[ValueRow, ...]:
    chosen = sorted((row for row in rows if size(row) > 0), key=lambda row: -size(row))
    chosen.sort(key=lambda row: not leads(row))
    return tuple(chosen[:_LISTED])


def _introduced(row: ValueRow, swept: Swept) -> float:
    found = swept.values[row.value].introduced
    return found.relative if found is not None else 0.0


def _amplifies(row: ValueRow) -> bool:
    return (row.gain or 0.0) >= _TOLD_GAIN
