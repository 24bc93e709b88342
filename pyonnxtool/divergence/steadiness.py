"""Whether results can be trusted: two runs that agree, and watching that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from pyonnxtool.divergence.case import Case
from pyonnxtool.divergence.compare import Array, Comparison, compare
from pyonnxtool.divergence.judge import Judge
from pyonnxtool.divergence.probe import Side
from pyonnxtool.divergence.sweep import Swept


def unsteady_sides(case: Case) -> list[str]:
    """The determinism gate: what is said of a side whose two runs differ."""
    notes = []
    first = case.samples[0]
    for side, feeds in ((case.reference, first.reference), (case.candidate, first.candidate)):
        found = repeats(side, feeds)
        if found is not None and not found.identical:
            notes.append(
                f"{side.text} is not deterministic: two runs on the same inputs differ by "
                f"{found.relative:.1e} of the output's scale, so no difference can be judged; "
                "fix its random nodes or threads first"
            )
    return notes


def observer_effect(judge: Judge, swept: Swept) -> str:
    """Whether marking values as outputs changed the final outputs by more than the tolerance."""
    if not swept.watched:
        return "none"
    changed = any(
        not judge.within_tolerance(name.partition(":")[2], found)
        for name, found in swept.watched.items()
    )
    return "changes the result" if changed else "none"


def repeats(side: Side, feeds: Mapping[str, Array]) -> Comparison | None:
    """The worst difference between two runs on the same inputs; None where none can be.

    A backend that promises the same bits is believed; any other is run twice.
    """
    if side.repeatable:
        return None
    first, second = side.run_whole(feeds), side.run_whole(feeds)
    return max((compare(first[name], second[name]) for name in first), key=lambda c: c.relative)
