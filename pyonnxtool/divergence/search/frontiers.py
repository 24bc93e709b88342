"""Where a model can be cut: an order of its paired values, and what crosses each cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.divergence.plan import Pair
from pyonnxtool.divergence.rounding import op_info

if TYPE_CHECKING:
    from pyonnxtool._core import Graph
    from pyonnxtool.divergence.case import Case

_WINDOW = 16
"""A cut may be this part of a range away from its middle, to be a cheaper one."""


class Frontiers:
    """The paired values in topological order. Cut k is before the value number k.

    Cut 0 has nothing before it, cut `count` has everything.
    """

    def __init__(self, case: Case) -> None:
        self.pairs = _ordered(case)
        self.count = len(self.pairs)
        self._graph = case.candidate.model.graph
        crossing = [_crossing(side.model.graph, names, self.count) for side, names in (
            (case.reference, [pair.reference for pair in self.pairs]),
            (case.candidate, [pair.candidate for pair in self.pairs]),
        )]  # fmt: skip
        self.crossing = [max(both) for both in zip(*crossing, strict=True)]
        """How many values cross each cut, on the side where they are more."""
        self._closed = self._no_tensors(case)

    def name(self, cut: int) -> str:
        """The value before the cut, by which people find the place."""
        return self.pairs[cut - 1].candidate if cut else "the inputs"

    def cheapest(self, low: int, high: int, without: Iterable[int] = ()) -> int | None:
        """A cut between two others near the middle: one that few values cross.

        None where there is none. Ranges shrink to 9/16 or less with every cut.
        """
        taken = set(without)
        middle, reach = (low + high) // 2, (high - low) // _WINDOW
        while True:
            there = range(max(low + 1, middle - reach), min(high, middle + reach + 1))
            open_ = [cut for cut in there if cut not in taken and cut not in self._closed]
            if open_:
                return min(open_, key=lambda cut: (self.crossing[cut], abs(cut - middle)))
            if len(there) >= high - low - 1:
                return None
            reach = 2 * reach + 1

    def next_open(self, cut: int, step: int) -> int:
        """The nearest cut that only tensors cross, in the direction of `step`; 0 or `count`."""
        while cut in self._closed and 0 < cut < self.count:
            cut += step
        return cut

    def is_open(self, cut: int) -> bool:
        """Whether only tensors cross the cut."""
        return cut not in self._closed

    @property
    def usable(self) -> int:
        """How many cuts there are, ends left out."""
        return self.count - 1 - len(self._closed)

    def _no_tensors(self, case: Case) -> set[int]:
        """Cuts that sequences or optionals cross: they cannot be handed from model to model."""
        closed: set[int] = set()
        for side, names in (
            (case.reference, [pair.reference for pair in self.pairs]),
            (case.candidate, [pair.candidate for pair in self.pairs]),
        ):
            graph = side.model.graph
            needed = _needed_until(graph, names)
            for place, name in enumerate(names):
                if _is_no_tensor(graph, name):
                    closed |= set(range(place + 1, needed.get(name, place) + 1))
        return closed - {0, self.count}


def _ordered(case: Case) -> list[Pair]:
    place = {name: i for i, name in enumerate(_core.produced_values(case.candidate.model))}
    made = {*_core.produced_values(case.reference.model)}
    varying = _varying(case.candidate.model.graph)
    outputs = {pair.candidate for pair in case.outputs}
    chosen = {pair.candidate: pair for pair in (*case.outputs, *case.pairs)}
    chosen = {
        name: pair
        for name, pair in chosen.items()
        if name in place and pair.reference in made and (name in varying or name in outputs)
    }
    return sorted(chosen.values(), key=lambda pair: place[pair.candidate])


def _varying(graph: Graph) -> set[str]:
    """Values that depend on what is fed.

    The others, such as dequantized weights, stand anywhere in the order: they belong to what reads
    them.
    """
    varying = {value.name for value in graph.inputs if value.initializer is None}
    for node in graph.order():
        captured = [value.name for value in node.captured]
        if varying.intersection((*node.input_names, *captured)):
            varying.update(name for name in node.output_names if name)
    return varying


def _is_no_tensor(graph: Graph, name: str) -> bool:
    value = graph.value(name)
    info = op_info(value.producer) if value.producer is not None else None
    return value.kind not in ("tensor", "unknown") or (info is not None and info.non_tensor)


def _needed_until(graph: Graph, names: Sequence[str]) -> dict[str, int]:
    """Of each value, the last of the named values that is computed from it.

    Only ways that meet no other named value count: those values would be handed over.
    """
    place = {name: index for index, name in enumerate(names)}
    until: dict[str, int] = {}
    for node in reversed(graph.order()):
        last = max(
            (place.get(name, until.get(name, -1)) for name in node.output_names if name), default=-1
        )
        for name in (*node.input_names, *(value.name for value in node.captured)):
            until[name] = max(until.get(name, -1), last)
    for value in graph.outputs:
        until[value.name] = len(names)
    return until


def _crossing(graph: Graph, names: Sequence[str], count: int) -> list[int]:
    """For each cut, how many of the named values are made before it and read after it."""
    change = [0] * (count + 2)
    until = _needed_until(graph, names)
    for place, name in enumerate(names):
        last = until.get(name, -1)
        if last > place:
            change[place + 1] += 1
            change[min(last, count) + 1] -= 1
    return list(accumulate(change))[: count + 1]
