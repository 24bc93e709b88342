"""The search for the few nodes that still show it: by halves, then by delta debugging."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pyonnxtool.divergence.ddmin import ddmin
from pyonnxtool.divergence.reduced.keep import Keep, Shown
from pyonnxtool.divergence.reduced.trial import Cutter, NotCuttable, Trial
from pyonnxtool.divergence.reduced.units import Unit

Positions = tuple[int, ...]

_MOST_ENDS = 6
"""So many units are found one by one; where more are needed, delta debugging is as fast."""


@dataclass(frozen=True)
class Step:
    """One run of the search, for a line of progress."""

    run: int
    nodes: int
    total: int
    shown: str
    """What it showed; empty: nothing."""


@dataclass
class Narrowing:
    """Asks about sets of units, each once, and remembers the answers."""

    units: Sequence[Unit]
    cutter: Cutter
    keep: Keep
    told: Callable[[Step], None]
    runs: int = 0
    _answers: dict[Positions, bool] = field(default_factory=dict)
    _last: tuple[Positions, tuple[Trial, Shown]] | None = None
    """The latest choice that showed it, and what it showed."""

    @property
    def total(self) -> int:
        """Nodes of the candidate."""
        return self._nodes(range(len(self.units)))

    def holds(self, positions: Sequence[int]) -> bool:
        """Whether the units at these positions still show it. No unit shows nothing."""
        key = tuple(sorted(positions))
        if not key:
            return False
        if key not in self._answers:
            found = self.shown(key)
            self._answers[key] = found is not None
            self._last = (key, found) if found else self._last
        return self._answers[key]

    def result(self, positions: Positions) -> tuple[Trial, Shown] | None:
        """What a choice that holds shows; it is run again only where it was not the latest."""
        if self._last is not None and self._last[0] == tuple(positions):
            return self._last[1]
        return self.shown(positions)

    def shown(
        self, positions: Sequence[int], outputs: Sequence[str] | None = None
    ) -> tuple[Trial, Shown] | None:
        """One run: the trial and what it showed."""
        try:
            trial = self.cutter.trial([self.units[one] for one in positions], outputs)
        except NotCuttable:
            return None
        shown = self.keep.shows(trial)
        self.runs += 1
        self.told(Step(self.runs, trial.nodes, self.total, shown.text if shown else ""))
        return (trial, shown) if shown else None

    def search(self, hints: Sequence[Sequence[int]]) -> Positions:
        """A 1-minimal choice of the units. All of them together are known to show it.

        `hints`: choices that are likely to show it, the smallest first.
        """
        for hint in hints:
            if self.holds(hint):
                return self._minimal(hint)
        return self._minimal(self._ends())

    def _minimal(self, positions: Sequence[int]) -> Positions:
        found = sorted(positions)
        self.cutter.prefetch([self.units[one] for one in found])
        return tuple(ddmin(found, self.holds))

    def _ends(self) -> list[int]:
        """A choice that shows it, found by halves.

        The last unit that it takes, then the first, then again between the two. Exact where more
        units never hide it.
        """
        needed: list[int] = []
        between = list(range(len(self.units)))
        self._answers[tuple(between)] = True
        while between and len(needed) < _MOST_ENDS:
            if needed and self.holds(needed):
                return sorted(needed)
            count = self._least(between, needed, first=len(needed) % 2 == 0)
            if len(needed) % 2 == 0:
                between, end = between[: count - 1], between[count - 1]
            else:
                end, between = between[-count], between[len(between) - count + 1 :]
            needed.append(end)
            if len(needed) == 1:
                self.cutter.prefetch([self.units[one] for one in (*between, *needed)])
        return sorted([*needed, *between])

    def _least(self, between: Sequence[int], needed: Sequence[int], *, first: bool) -> int:
        """How many of the first (or of the last) units it takes beside the needed ones."""
        low, high = 0, len(between)
        while high - low > 1:
            middle = (low + high) // 2
            part = between[:middle] if first else between[len(between) - middle :]
            if self.holds([*needed, *part]):
                high = middle
            else:
                low = middle
        return high

    def _nodes(self, positions: Sequence[int]) -> int:
        return sum(len(self.units[one].candidate) for one in positions)
