"""The nodes around a culprit, as data that can be drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from pyonnxtool.divergence.blame.why import label
from pyonnxtool.report import ValueRow
from pyonnxtool.report_parts import GraphEdge, GraphNode, Surroundings

if TYPE_CHECKING:
    from pyonnxtool._core import Node, Value

_MOST_NODES = 12
_STEPS = 2
"""How far from the culprit's region to look."""
_MOST_WEIGHTS = 4

RowOf = Callable[[str], ValueRow | None]
"""What was measured of a value of the candidate, by its name; None where nothing was."""


def surroundings(culprit: Node, region: Iterable[int], row_of: RowOf) -> Surroundings:
    """The culprit, the other nodes of its region, and what they read and feed, two steps far.

    `region` holds ids of nodes of the culprit's graph. At most 12 nodes are kept, the nearest
    ones; weights and graph inputs are shown where the culprit reads them, graph outputs where a
    shown node makes them. Works where nothing was measured, too: the boxes then hold no numbers.
    """
    inner = {culprit.id, *region}
    near = _nearest(culprit, [culprit.graph.node(one) for one in sorted(inner - {culprit.id})])
    kept, left = near[:_MOST_NODES], near[_MOST_NODES:]
    place = {node.id: index for index, node in enumerate(culprit.graph.order())}
    kept.sort(key=lambda node: place[node.id])
    boxes = [_box(node, culprit, inner, row_of) for node in kept]
    edges = list(_edges_between(kept, row_of))
    sources = list(_read_by(culprit))
    ends = [value for node in kept for value in node.outputs if value and value.is_output]
    boxes = [*(_end(value, f"s{n}") for n, value in enumerate(sources)), *boxes]
    edges += [_edge(f"s{n}", _key(culprit), value, row_of) for n, value in enumerate(sources)]
    for n, value in enumerate(ends):
        boxes.append(_end(value, f"t{n}"))
        producer = value.producer
        assert producer is not None
        edges.append(_edge(_key(producer), f"t{n}", value, row_of))
    return Surroundings(tuple(boxes), tuple(edges), len(left))


def _nearest(culprit: Node, region: Iterable[Node]) -> list[Node]:
    """The culprit, its region, then neighbours in the order of their distance.

    Constants are no neighbours: they say nothing of how values flow.
    """
    found = {node.id: node for node in (culprit, *region)}
    ring = list(found.values())
    for _ in range(_STEPS):
        outer: dict[int, Node] = {}
        for node in ring:
            for other in (*_before(node), *_after(node)):
                if other.id not in found and other.op_type != "Constant":
                    outer.setdefault(other.id, other)
        found |= outer
        ring = list(outer.values())
    return list(found.values())


def _before(node: Node) -> Iterator[Node]:
    for value in (*node.inputs, *node.captured):
        if value is not None and value.producer is not None:
            yield value.producer


def _after(node: Node) -> Iterator[Node]:
    for value in node.outputs:
        if value is not None:
            yield from value.consumers


def _edges_between(kept: Iterable[Node], row_of: RowOf) -> Iterator[GraphEdge]:
    """One edge a value and reader, however often it reads the value."""
    keys = {node.id: _key(node) for node in kept}
    for node in kept:
        for value in node.outputs:
            readers = {one.id for one in value.consumers} if value is not None else set()
            for reader in sorted(readers & keys.keys()):
                assert value is not None
                yield _edge(keys[node.id], keys[reader], value, row_of)


def _read_by(culprit: Node) -> Iterator[Value]:
    """Graph inputs and the first few weights that the culprit reads."""
    weights = 0
    for value in culprit.inputs:
        if value is None or (value.producer is not None and not _is_constant(value)):
            continue
        weights += _is_constant(value)
        if not _is_constant(value) or weights <= _MOST_WEIGHTS:
            yield value


def _is_constant(value: Value) -> bool:
    made = value.producer
    return value.initializer is not None or (made is not None and made.op_type == "Constant")


def _key(node: Node) -> str:
    return f"n{node.id}"


def _box(node: Node, culprit: Node, inner: set[int], row_of: RowOf) -> GraphNode:
    rows = [row for name in node.output_names if name and (row := row_of(name)) is not None]
    worst = max(rows, key=_seriousness, default=None)
    added = worst.introduced.get("max_abs") if worst is not None else None
    around = "region" if node.id in inner else "around"
    return GraphNode(
        key=_key(node),
        kind="node",
        role="culprit" if node.id == culprit.id else around,
        name=label(node),
        op_type=node.op_type,
        domain=node.domain,
        introduced=float(added) if added is not None else None,
        tolerance=worst.tolerance if worst is not None else None,
        status=worst.status if worst is not None else "",
    )


def _seriousness(row: ValueRow) -> tuple[bool, float]:
    return row.status == "bad", float(row.introduced.get("max_abs") or 0.0)


def _end(value: Value, key: str) -> GraphNode:
    """A box for what has no node: a weight, or an input or output of the graph."""
    constant = _is_constant(value)
    kind = "weight" if constant else "output" if key.startswith("t") else "input"
    return GraphNode(key, kind, "around", value.name, "", "")


def _edge(source: str, target: str, value: Value, row_of: RowOf) -> GraphEdge:
    row = row_of(value.name)
    if row is not None:
        return GraphEdge(source, target, value.name, row.dtype, row.shape)
    held = value.initializer
    if held is not None:
        return GraphEdge(source, target, value.name, held.dtype, held.shape)
    return GraphEdge(source, target, value.name, value.dtype or "", value.shape)
