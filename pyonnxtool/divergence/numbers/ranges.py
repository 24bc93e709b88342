"""What would overflow or vanish in a narrower float, and which nodes would have to stay wide."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.divergence.blame.why import label
from pyonnxtool.divergence.ddmin import ddmin
from pyonnxtool.divergence.numbers.ranges_simulated import Rounded, Tried
from pyonnxtool.divergence.watch import produced, watch
from pyonnxtool.errors import PyonnxtoolError, UsageError
from pyonnxtool.findings import RangeRow, Ranges

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Node
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.sweep import Progress


@dataclass(frozen=True)
class Format:
    """A floating type by its limits: the largest number, the smallest normal and subnormal one."""

    name: str
    largest: float
    normal: float
    subnormal: float


FORMATS = {
    "fp16": Format("float16", 65504.0, 2.0**-14, 2.0**-24),
    "bf16": Format("bfloat16", 3.3895313892515355e38, 2.0**-126, 2.0**-133),
    "e4m3": Format("float8e4m3fn", 448.0, 2.0**-6, 2.0**-9),
    "e5m2": Format("float8e5m2", 57344.0, 2.0**-14, 2.0**-16),
}
TOLERANCE = 1e-2
"""Of an output's scale: how far the narrow model may be off."""
_MANY_VANISH = 0.01
"""Share of a value's numbers that must turn to zero before its nodes are tried in float32."""
_MOST_SAMPLES = 3
"""So many are run with rounded values; ranges are those of all."""
_MOST_NODES = 400


def parse_format(text: str) -> Format:
    """Raises UsageError that lists the formats."""
    if text not in FORMATS:
        raise UsageError(f"--ranges {text}: use {', '.join(FORMATS)}")
    return FORMATS[text]


def ranges_of(case: Case, wanted: Format) -> Ranges:
    """Of the reference's float32 values, inputs and weights, over all samples.

    Raises UsageError when the reference is no ONNX model.
    """
    seen = _Seen(wanted)
    side = case.candidate if case.swapped else case.reference
    if side.recorded is not None:
        raise UsageError(f"--ranges: {side.text} is no ONNX model; give one as the reference")
    samples = [sample.candidate if case.swapped else sample.reference for sample in case.samples]
    for index, feeds in enumerate(samples):
        case.progress("measuring ranges", index, len(samples))
        for name, value in feeds.items():
            seen.take(name, "input", value)
        for group in watch(side, feeds, produced(side), case.memory):
            for name, made in group.items():
                seen.take(name, "value", made)
    _see_weights(seen, side.model.graph)
    rows = sorted((_row(one, side.model.graph, wanted) for one in seen.all()), key=_badness)
    tried = Tried(side, samples[:_MOST_SAMPLES], wanted.name, {one.name for one in seen.all()})
    return _Kept(tried, wanted, rows, case.progress).ranges()


@dataclass
class _Range:
    """What was seen of one value."""

    name: str
    kind: str
    largest: float = 0.0
    smallest: float = math.inf
    over: int = 0
    gone: int = 0
    rough: int = 0
    count: int = 0


class _Seen:
    def __init__(self, wanted: Format) -> None:
        self._wanted = wanted
        self._found: dict[str, _Range] = {}

    def all(self) -> list[_Range]:
        """In the order in which they were first seen."""
        return list(self._found.values())

    def take(self, name: str, kind: str, value: object) -> None:
        """Counts the finite numbers of a float32 tensor; zeros and infinities always fit."""
        if not isinstance(value, np.ndarray) or value.dtype != np.float32 or value.size == 0:
            return
        found = self._found.setdefault(name, _Range(name, kind))
        size = np.abs(value)
        size = size[np.isfinite(size)]
        found.count += value.size
        if size.size == 0:
            return
        found.largest = max(found.largest, float(size.max()))
        found.over += int(np.count_nonzero(size > self._wanted.largest))
        rough = size < self._wanted.normal
        if rough.any():
            small = size[rough]
            small = small[small > 0]
            found.gone += int(np.count_nonzero(small < self._wanted.subnormal))
            found.rough += int(np.count_nonzero(small >= self._wanted.subnormal))
        above = size[size > 0]
        if above.size:
            found.smallest = min(found.smallest, float(above.min()))


def _see_weights(seen: _Seen, graph: Graph) -> None:
    for tensor in graph.initializers:
        if tensor.dtype == "float32" and not graph.value(tensor.name).is_input:
            seen.take(tensor.name, "weight", tensor.numpy())


def _row(found: _Range, graph: Graph, wanted: Format) -> RangeRow:
    value = graph.value(found.name)
    node = value.producer or next(iter(value.consumers), None)
    return RangeRow(
        value=found.name,
        kind=found.kind,
        node=label(node) if node is not None else "",
        op_type=node.op_type if node is not None else "",
        count=found.count,
        max_abs=found.largest,
        min_abs=found.smallest if math.isfinite(found.smallest) else None,
        headroom_bits=math.log2(wanted.largest / found.largest) if found.largest else None,
        overflow=found.over,
        vanish=found.gone,
        subnormal=found.rough,
    )


def _badness(row: RangeRow) -> tuple[bool, float, float]:
    """What overflows first, then what loses most at the lower end, then the least headroom."""
    lost = (row.vanish + 0.1 * row.subnormal) / max(row.count, 1)
    headroom = math.inf if row.headroom_bits is None else row.headroom_bits
    return (row.overflow == 0, 0.0 if row.overflow else -lost, headroom)


class _Kept:
    """The search for the nodes that have to stay in float32."""

    def __init__(
        self, tried: Tried, wanted: Format, rows: Sequence[RangeRow], progress: Progress
    ) -> None:
        self._tried, self._wanted, self._rows = tried, wanted, rows
        self._progress = progress
        self._graph = tried.side.model.graph
        self._errors: dict[tuple[int, ...], float] = {}

    def ranges(self) -> Ranges:
        rows = tuple(self._rows)
        nodes = self._candidates()
        try:
            self._rounded = Rounded(self._tried, nodes)
        except PyonnxtoolError as error:
            told = f"not tried in {self._wanted.name}: {error}"
            return Ranges(self._wanted.name, rows, self._labels(nodes), verified=False, note=told)
        with self._rounded:
            return self._search(rows, nodes)

    def _search(self, rows: tuple[RangeRow, ...], nodes: list[int]) -> Ranges:
        name = self._wanted.name
        plain = self._error(())
        if plain <= TOLERANCE:
            note = f"every node can be in {name}: the outputs are off by {plain:.1e} of their scale"
            return Ranges(name, rows, error=plain, error_plain=plain, verified=True, note=note)
        best = self._error(nodes)
        if not best <= TOLERANCE:
            note = (
                f"not enough: with these in float32 the outputs are still {_off(best)}; precision, "
                "not range, is what the rest lacks"
            )
            return Ranges(name, rows, self._labels(nodes), best, plain, verified=False, note=note)
        keep = ddmin(nodes, lambda some: self._error(some) <= TOLERANCE)
        error = self._error(keep)
        note = f"with them the outputs are {_off(error)}, without {_off(plain)}"
        return Ranges(name, rows, self._labels(keep), error, plain, verified=True, note=note)

    def _error(self, keep: Iterable[int]) -> float:
        chosen = tuple(sorted(keep))
        if chosen not in self._errors:
            self._errors[chosen] = self._rounded.error(set(chosen))
            self._progress("trying nodes in float32", len(self._errors), len(self._errors) + 1)
        return self._errors[chosen]

    def _candidates(self) -> list[int]:
        """Nodes that make or read what does not fit, in graph order."""
        bad = {
            row.value for row in self._rows if row.overflow or row.vanish > _MANY_VANISH * row.count
        }
        found = [node.id for node in self._graph.order() if self._touches(node, bad)]
        return found[:_MOST_NODES]

    @staticmethod
    def _touches(node: Node, bad: set[str]) -> bool:
        if node.op_type == "Constant":
            return False
        return not bad.isdisjoint(node.input_names) or not bad.isdisjoint(node.output_names)

    def _labels(self, ids: Iterable[int]) -> tuple[str, ...]:
        return tuple(label(self._graph.node(id)) for id in ids)


def _off(error: float) -> str:
    return f"off by {error:.1e} of their scale" if math.isfinite(error) else "NaN or Inf"
