"""The error along the graph as points to draw: how many times what rounding explains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyonnxtool.report import Metrics, ValueRow
from pyonnxtool.wording import TIMES, middle, number, ratio, torn

WIDTH, HEIGHT = 960.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 26.0, 30.0, 40.0
MOST_POINTS = 480
"""More values than that share points: the worst of neighbours is drawn."""
LOWEST = -3
"""The power of ten of the lowest tick: what is far below rounding need not be told apart."""
LABELS = 3


@dataclass(frozen=True)
class Point:
    """One value, or the worst of several neighbours. Coordinates are pixels."""

    x: float
    y: float | None
    """Of what the node introduces; of a bad value's accumulated error where that is not known."""
    bad: bool
    row: int
    """Place of the value in the table."""
    title: str
    label: str = ""
    anchor: str = "end"


@dataclass(frozen=True)
class Plot:
    """Everything that the drawing of the error needs."""

    points: tuple[Point, ...]
    accumulated: tuple[tuple[float, float], ...]
    ticks: tuple[tuple[float, str], ...]
    places: tuple[tuple[float, str], ...]
    """Marks of the horizontal axis."""
    bound: float
    """Where the line of what rounding explains is."""
    floor: float
    shared: int
    """How many values share a point."""


def plot_of(rows: Sequence[ValueRow]) -> Plot | None:
    """None when there is nothing to draw.

    The height of a value is its error over what rounding explains (`tolerance`), on a logarithmic
    scale. Equal values lie on the floor; a NaN on one side and a difference where there may be
    none (integers) lie at the top.
    """
    if len(rows) < 2 or not any(row.accumulated for row in rows):
        return None
    accumulated = [times(row.accumulated, row.tolerance) for row in rows]
    introduced = [times(row.introduced, row.tolerance) for row in rows]
    scale = _Scale([*accumulated, *introduced])
    shared = math.ceil(len(rows) / MOST_POINTS)
    groups = [range(at, min(at + shared, len(rows))) for at in range(0, len(rows), shared)]
    last = max(len(rows) - 1, 1)

    def x(index: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * index / last, 1)

    points, line = [], []
    for group in groups:
        worst = max(group, key=lambda one: (_is_bad(rows[one]), introduced[one] or 0.0))
        loudest = max(group, key=lambda one: accumulated[one] or 0.0)
        height = accumulated[loudest]
        if height or (height == 0 and rows[loudest].tolerance):  # shapes and indices are flat
            line.append((x(loudest), scale.y(height)))
        found, bad = introduced[worst], _is_bad(rows[worst])
        drawn = accumulated[worst] if bad and found is None else found
        y = scale.y(drawn) if drawn is not None else None
        points.append(Point(x(worst), y, bad, worst, _title(rows[worst])))
    return Plot(
        points=tuple(_labelled(points, rows)),
        accumulated=tuple(line),
        ticks=tuple(scale.ticks()),
        places=tuple((x(at), f"{at + 1:,}") for at in _places(len(rows))),
        bound=scale.y(1.0),
        floor=scale.y(0.0),
        shared=shared,
    )


def times(metrics: Metrics, tolerance: float | None) -> float | None:
    """The error over what rounding explains; infinite where nothing explains it."""
    if torn(metrics):
        return math.inf
    off = metrics.get("max_abs")
    if off is None:
        off = metrics.get("mismatched")
    if off is None:
        return None
    if off == 0:
        return 0.0
    return float(off) / tolerance if tolerance and not math.isnan(off) else math.inf


def _is_bad(row: ValueRow) -> bool:
    """Bad by what its node introduces: one that hands an error on is on the line, not a point."""
    found = times(row.introduced, row.tolerance)
    return row.status == "bad" and (found is None or found > 1.0)


class _Scale:
    """A logarithmic scale over all finite numbers, with room for zero below and infinity above."""

    def __init__(self, numbers: Sequence[float | None]) -> None:
        finite = [n for n in numbers if n is not None and 0 < n < math.inf]
        self._endless = any(n == math.inf for n in numbers)
        high = math.ceil(math.log10(max([10.0, *finite])))
        low = math.floor(math.log10(min([0.1, *finite])))
        self._high = high
        self._low = max(low, LOWEST)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        bottom, top = HEIGHT - BOTTOM, TOP
        if value == math.inf:
            return top
        upper = top + (16 if self._endless else 0)
        lower = bottom - 16
        if value <= 0:
            return bottom
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return round(lower - (lower - upper) * min(max(share, 0.0), 1.0), 1)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Heights and their words, a readable number of them."""
        step = math.ceil((self._high - self._low) / 8)
        for power in range(self._low, self._high + 1):
            if power % step == 0:
                yield self.y(10.0**power), _power(power)
        yield self.y(0.0), "equal"
        if self._endless:
            yield self.y(math.inf), "NaN, ≠"


def _power(power: int) -> str:
    return f"{10.0**power:,.{max(0, -power)}f}{TIMES}" if abs(power) <= 4 else f"1e{power}{TIMES}"


def _places(count: int) -> list[int]:
    """Indices to mark: the first, the last, and round ones between."""
    step = 10 ** max(0, math.floor(math.log10(count / 2)))
    step *= next(factor for factor in (1, 2, 5, 10) if count / (step * factor) <= 8)
    between = [at - 1 for at in range(step, count, step) if step <= at <= count - step / 2]
    return [0, *(at for at in between if at > step / 2), count - 1] if count > 1 else [0]


def _title(row: ValueRow) -> str:
    op = f" ({row.op_type})" if row.op_type else ""
    lines = [f"{middle(row.value, 80)}{op}: {row.status}"]
    for word, metrics in (("accumulated", row.accumulated), ("introduced", row.introduced)):
        found = times(metrics, row.tolerance)
        if found == 0:
            lines.append(f"{word}: nothing")
        elif found is not None:
            lines.append(f"{word} {number(metrics.get('max_abs'))}, {ratio(found)}{TIMES} rounding")
    return "\n".join(lines)


def _labelled(points: Sequence[Point], rows: Sequence[ValueRow]) -> Iterator[Point]:
    """The points, the worst few with the names of their values."""
    bad = [point for point in points if point.bad and point.y is not None]
    named = sorted(bad, key=lambda point: point.y or 0.0)[:LABELS]
    for point in points:
        if point not in named or any(_close(point, one) for one in named if one.x < point.x):
            yield point
            continue
        anchor = "start" if point.x < WIDTH / 3 else "end"
        name = middle(rows[point.row].value, 40)
        yield Point(point.x, point.y, True, point.row, point.title, name, anchor)


def _close(one: Point, other: Point) -> bool:
    return abs(one.x - other.x) < 200 and abs((one.y or 0) - (other.y or 0)) < 14
