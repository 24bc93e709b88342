"""A small graph in layers, top to bottom: where its boxes go and which way its edges take.

The method of Sugiyama, Tagawa and Toda (1981): ranks by the longest path, order by barycentres,
and places by least squares. It is for some dozens of boxes at most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS = 8
GAP = 28.0
BEND_WIDTH = 14.0
MARGIN = 12.0

Key = str | tuple[str, int]
"""A box, or a bend: where an edge from a box passes a layer on its way further down."""


@dataclass(frozen=True)
class Box:
    """The size of a box, in pixels."""

    width: float
    height: float


@dataclass
class Layout:
    """Centres of boxes and bends, the middles of the layers, and the size of it all, in pixels."""

    x: dict[Key, float] = field(default_factory=dict)
    y: dict[Key, float] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0
    routes: dict[tuple[str, str], list[Key]] = field(default_factory=dict)
    """From the box at the start over bends to the box at the end."""


def lay_out(
    boxes: Mapping[str, Box], edges: Iterable[tuple[str, str]], *, between: float
) -> Layout:
    """Place boxes, which are listed producers first. `between` pixels are left between layers."""
    links = sorted(set(edges))
    rank = _ranks(list(boxes), links)
    found = Layout()
    layers: list[list[Key]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for box in boxes:
        layers[rank[box]].append(box)
    near: dict[Key, list[Key]] = defaultdict(list)
    for source, target in links:
        bends = [(source, level) for level in range(rank[source] + 1, rank[target])]
        route: list[Key] = [source, *bends, target]
        found.routes[source, target] = route
        for bend in bends:
            if bend not in near:
                layers[bend[1]].append(bend)
            near.setdefault(bend, [])
        for upper, lower in pairwise(route):
            near[upper].append(lower)
            near[lower].append(upper)
    _order(layers, near)
    width = {key: boxes[key].width for key in boxes}
    _place(layers, near, width, found)
    top = MARGIN
    for layer in layers:
        tall = max((boxes[key].height for key in layer if isinstance(key, str)), default=0.0)
        for key in layer:
            found.y[key] = top + tall / 2
        top += tall + between
    found.height = top - between + MARGIN
    return found


def _ranks(keys: Sequence[str], links: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Below everything that is read; what reads nothing moves down to its first reader."""
    read = defaultdict(list)
    readers = defaultdict(list)
    for source, target in links:
        read[target].append(source)
        readers[source].append(target)
    rank: dict[str, int] = {}
    for key in keys:
        rank[key] = max((rank[source] + 1 for source in read[key]), default=0)
    for key in reversed(keys):
        if not read[key] and readers[key]:
            rank[key] = min(rank[target] for target in readers[key]) - 1
    lowest = min(rank.values(), default=0)
    return {key: level - lowest for key, level in rank.items()}


def _order(layers: list[list[Key]], near: Mapping[Key, Sequence[Key]]) -> None:
    """Sort each layer by the mean place of its neighbours, down and up in turns."""
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            place = {
                key: (index + 0.5) / len(other)
                for other in layers
                for index, key in enumerate(other)
            }
            own = {key: place[key] for key in layer}
            layer.sort(key=lambda key: _mean([place[one] for one in near[key]], own[key]))


def _place(
    layers: Sequence[Sequence[Key]],
    near: Mapping[Key, Sequence[Key]],
    width: Mapping[str, float],
    found: Layout,
) -> None:
    """Each box as near to the middle of its neighbours as the others of its layer allow."""
    sizes = {key: _width(key, width) for layer in layers for key in layer}
    x = dict.fromkeys(sizes, 0.0)
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [_mean([x[one] for one in near[key]], x[key]) for key in layer]
            x.update(zip(layer, _apart(wanted, [sizes[key] for key in layer]), strict=True))
    left = min((x[key] - sizes[key] / 2 for key in x), default=0.0)
    found.x = {key: x[key] - left + MARGIN for key in x}
    found.width = max((found.x[key] + sizes[key] / 2 for key in x), default=0.0) + MARGIN


def _width(key: Key, width: Mapping[str, float]) -> float:
    return width[key] if isinstance(key, str) else BEND_WIDTH


def _apart(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """The places nearest to those wanted (least squares) at which nothing overlaps.

    Less the room that the boxes before need, places only have to be in order; that is isotonic
    regression, solved by pooling neighbours that are out of order.
    """
    room = [0.0]
    for before, after in pairwise(sizes):
        room.append(room[-1] + (before + after) / 2 + GAP)
    pools: list[tuple[float, int]] = []  # sum and count
    for want, taken in zip(wanted, room, strict=True):
        pool = (want - taken, 1)
        while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
            last = pools.pop()
            pool = (last[0] + pool[0], last[1] + pool[1])
        pools.append(pool)
    means = [total / count for total, count in pools for _ in range(count)]
    return [mean + taken for mean, taken in zip(means, room, strict=True)]


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise
