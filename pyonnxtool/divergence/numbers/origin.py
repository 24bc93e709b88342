"""Where NaN and Inf start: nodes that make them of operands that hold none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.divergence.blame.why import label
from pyonnxtool.divergence.compare import Array
from pyonnxtool.divergence.constants import constant
from pyonnxtool.divergence.numbers.nonfinite_causes import cause
from pyonnxtool.divergence.probe import Feeds, Sample, Side
from pyonnxtool.divergence.watch import produced, watch
from pyonnxtool.errors import PyonnxtoolError
from pyonnxtool.findings import Origin

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Node
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.first_look import FirstLook
    from pyonnxtool.divergence.sweep import Measured
    from pyonnxtool.report import BisectReport, Culprit, ValueRow

_EXPLAINED = 16
"""Of each side's origins, for so many the operands are fetched."""
_MAKE_CONSTANTS = ("Constant", "ConstantOfShape")


def origins_of_case(
    case: Case, values: Iterable[Measured], outputs: Iterable[Measured]
) -> tuple[Origin, ...]:
    """Origins on both sides, where what was measured says that there are any."""
    seen = [measured.alarm for measured in values if measured.alarm is not None]
    seen += [m.sample for m in outputs if m.accumulated is not None and m.accumulated.nonfinite]
    if not seen:
        return ()
    return origins_on(case, next(s for s in case.samples if s.number == min(seen)))


def with_origins(case: Case, first: FirstLook, report: BisectReport) -> BisectReport:
    """The report with the origins of NaN and Inf; a culprit in which one starts says so."""
    sample = first.broken
    rows: list[ValueRow | Culprit] = [*report.values, *report.culprits]
    torn = [metrics for row in rows for metrics in (row.accumulated, row.introduced)]
    if sample is None and any(m.get("nan_mismatch") or m.get("inf_mismatch") for m in torn):
        sample = case.samples[0]
    if sample is None:
        return report
    found = origins_on(case, sample)
    starts = {origin.value: origin for origin in found if origin.side == "candidate"}
    culprits = [_started(culprit, starts) for culprit in report.culprits]
    culprits.sort(key=lambda culprit: not any(name in starts for name in culprit.outputs))
    return replace(report, origins=found, culprits=tuple(culprits))


def _started(culprit: Culprit, starts: Mapping[str, Origin]) -> Culprit:
    """The culprit with what made NaN of its operands; the origin itself where a region holds it."""
    torn = culprit.introduced.get("nan_mismatch") or culprit.introduced.get("inf_mismatch")
    here = [starts[name] for name in culprit.outputs if name in starts]
    inside = [o for o in starts.values() if torn and o.node and o.node in culprit.region]
    if not here and not inside:
        return culprit
    origin = (here or inside)[0]
    told = f"{origin.kind} starts here" + (f": {origin.cause}" if origin.cause else "")
    if here:
        return replace(culprit, why="; ".join(filter(None, (culprit.why, told))))
    return replace(
        culprit, node=origin.node, op_type=origin.op_type, outputs=(origin.value,), why=told
    )


def origins_on(case: Case, sample: Sample) -> tuple[Origin, ...]:
    """Origins on both sides for one sample, the user's reference first."""
    sides = [("reference", case.reference, sample.reference)]
    sides.append(("candidate", case.candidate, sample.candidate))
    if case.swapped:
        sides = [("reference", *sides[1][1:]), ("candidate", *sides[0][1:])]
    found: list[Origin] = []
    for word, side, feeds in sides:
        side.begin(sample.number, feeds)
        case.progress(f"looking for NaN and Inf in the {word}", len(found), len(found) + 1)
        found += origins(side, feeds, case.memory, word)
    return tuple(found)


def origins(side: Side, feeds: Feeds, memory: int, word: str) -> list[Origin]:
    """Where NaN and Inf start on one side, what reaches an output first, then in graph order.

    A NaN starts at a node that reads none (it may read infinities), an infinity at a node that
    reads neither. Constants that hold infinities only (masks) are left out unless NaN comes of
    them or they reach an output.
    """
    scan = _Scan(side.model.graph)
    for name, value in feeds.items():
        scan.see(name, value)
    scan.see_constants(side)
    for group in watch(side, feeds, produced(side), memory):
        for name, made in group.items():
            scan.see(name, made)
    found = scan.origins(word)
    told = [
        replace(origin, cause=_cause(side, feeds, scan, origin)) if not origin.cause else origin
        for origin in found[:_EXPLAINED]
    ]
    return [*told, *found[_EXPLAINED:]]


@dataclass
class _Broken:
    """What is not finite in one value."""

    nan: int
    pos: int
    neg: int
    size: int
    shape: tuple[int, ...]
    index: int
    """Flat, of the first NaN; of the first infinity where there is no NaN."""
    roots: frozenset[int] = field(default_factory=frozenset)

    @property
    def kind(self) -> str:
        if self.nan:
            return "NaN"
        return "Inf" if self.pos and self.neg else "+Inf" if self.pos else "-Inf"


class _Scan:
    """Collects values that are not finite, and follows them through the graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.broken: dict[str, _Broken] = {}
        self._constants: set[str] = set()

    def see(self, name: str, value: object) -> None:
        if not isinstance(value, np.ndarray) or value.dtype.kind in "biuOUS" or value.size == 0:
            return
        with np.errstate(all="ignore"):
            finite = np.isfinite(value)
            if finite.all():
                return
            nan = np.isnan(value)
            positive = np.zeros_like(nan) if value.dtype.kind == "c" else value > 0
        bad = nan if nan.any() else ~finite
        nans, infinities = int(nan.sum()), int((~finite & ~nan).sum())
        pos = int((~finite & ~nan & positive).sum())
        first = int(np.argmax(bad.reshape(-1)))
        self.broken[name] = _Broken(
            nans, pos, infinities - pos, value.size, tuple(value.shape), first
        )

    def see_constants(self, side: Side) -> None:
        for tensor in self.graph.initializers:
            if not self.graph.value(tensor.name).is_input and _is_float(tensor.dtype):
                self.see(tensor.name, tensor.numpy())
                self._constants.add(tensor.name)
        for node in self.graph.nodes:
            if node.op_type in _MAKE_CONSTANTS:
                self._constants.update(node.output_names)
                held = constant(side.model, node.output_names[0])
                if node.op_type == "Constant" and held is not None and _is_float(held.dtype):
                    self.see(node.output_names[0], held.numpy())

    def origins(self, word: str) -> list[Origin]:
        names: list[str] = []  # of the roots, by their number
        makers: list[Node | None] = []

        def start(name: str, node: Node | None) -> frozenset[int]:
            names.append(name)
            makers.append(node)
            return frozenset({len(names) - 1})

        for name, found in self.broken.items():
            if name in self._constants or self.graph.value(name).producer is None:
                found.roots = start(name, None)
        for each in self.graph.order():
            self._follow(each, start)
        harmful = self._harmful(names)
        made = []
        for number, (name, node) in enumerate(zip(names, makers, strict=True)):
            reaches = self._reached(number)
            found = self.broken[name]
            masked = name in self._constants and not found.nan
            if masked and number not in harmful and not reaches:
                continue
            made.append(self._origin(word, name, node, reaches, names))
        return sorted(made, key=lambda origin: not origin.reaches)

    def _follow(self, node: Node, start: Any) -> None:
        read = [self.broken[name] for name in _read(node) if name in self.broken]
        roots = frozenset().union(*(item.roots for item in read))
        for name in node.output_names:
            made = self.broken.get(name)
            if made is None or name in self._constants:
                continue
            fresh = not read or (made.nan and not any(item.nan for item in read))
            made.roots = roots | start(name, node) if fresh else roots

    def _harmful(self, names: Sequence[str]) -> set[int]:
        """Roots that a NaN came of."""
        return {
            root
            for found in self.broken.values()
            if found.nan
            for root in found.roots
            if not self.broken[names[root]].nan
        }

    def _reached(self, root: int) -> tuple[str, ...]:
        outputs = [value.name for value in self.graph.outputs]
        return tuple(
            name for name in outputs if name in self.broken and root in self.broken[name].roots
        )

    def _origin(
        self,
        word: str,
        name: str,
        node: Node | None,
        reaches: tuple[str, ...],
        names: Sequence[str],
    ) -> Origin:
        found = self.broken[name]
        count = found.nan or found.pos + found.neg
        before = [names[root] for root in sorted(found.roots) if names[root] != name]
        kind = "a constant" if name in self._constants else "an input"
        return Origin(
            side=word,
            node=label(node) if node is not None else "",
            op_type=node.op_type if node is not None else "",
            value=name,
            kind=found.kind,
            count=count,
            size=found.size,
            index=tuple(int(i) for i in np.unravel_index(found.index, found.shape)),
            cause="" if node is not None else f"{kind} holds {found.kind}",
            comes_from=tuple(before),
            reaches=reaches,
        )


def _cause(side: Side, feeds: Feeds, scan: _Scan, origin: Origin) -> str:
    """What the node did there; nothing where its operands cannot be had."""
    node = scan.graph.value(origin.value).producer
    if node is None:
        return ""
    try:
        operands = _operands(side, feeds, node)
        made = _values(side, feeds, [origin.value])[origin.value]
    except (PyonnxtoolError, KeyError):
        return ""
    with np.errstate(all="ignore"):
        return cause(node, operands, made, origin.index)


def _operands(side: Side, feeds: Feeds, node: Node) -> list[Array | None]:
    """What the node reads, by slot; None for what is omitted."""
    computed = [name for name in node.input_names if name and constant(side.model, name) is None]
    made = _values(side, feeds, [name for name in computed if name not in feeds])
    operands: list[Array | None] = []
    for name in node.input_names:
        held = constant(side.model, name) if name else None
        known = made.get(name, feeds.get(name)) if name else None
        operands.append(held.numpy() if held is not None else known)
    return operands


def _values(side: Side, feeds: Feeds, names: Sequence[str]) -> Mapping[str, Array]:
    found: dict[str, Array] = {}
    if names:
        for group in watch(side, feeds, list(dict.fromkeys(names)), 1 << 40):
            found |= {name: v for name, v in group.items() if isinstance(v, np.ndarray)}
    return found


def _read(node: Node) -> list[str]:
    return [*filter(None, node.input_names), *(value.name for value in node.captured)]


def _is_float(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat", "complex"))
