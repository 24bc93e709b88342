"""A culprit's surroundings as boxes, curves and labels, ready for the template."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyonnxtool.cli._layers import Box, Layout, lay_out
from pyonnxtool.report_parts import GraphEdge, GraphNode, Surroundings
from pyonnxtool.wording import TIMES, middle, number, printable, ratio, typed

NODE = Box(212.0, 62.0)
END = Box(180.0, 46.0)
BETWEEN = 52.0
LABEL_WIDTH = 180.0
LABEL_ROOM = LABEL_WIDTH + 10.0
FAR = 100.0
"""So many times what rounding explains is drawn in the strongest colour."""


@dataclass(frozen=True)
class DrawnBox:
    """One box: its upper left corner and size in pixels, its lines of text, and how it looks."""

    x: float
    y: float
    width: float
    height: float
    look: str
    """Classes of style: the kind, the role and how much is introduced."""
    lines: tuple[str, ...]
    title: str


@dataclass(frozen=True)
class DrawnLabel:
    """The name and type of a value below the box that makes it."""

    x: float
    y: float
    name: str
    type: str
    title: str
    anchor: str


@dataclass(frozen=True)
class Drawing:
    """All of it, and the size of the picture."""

    width: float
    height: float
    boxes: tuple[DrawnBox, ...]
    paths: tuple[str, ...]
    labels: tuple[DrawnLabel, ...]
    summary: str
    """For those who do not see the picture."""


def drawing_of(around: Surroundings) -> Drawing:
    """Lay the surroundings out, inputs at the top."""
    made: dict[str, list[GraphEdge]] = defaultdict(list)
    for edge in around.edges:
        if edge.value not in {other.value for other in made[edge.source]}:
            made[edge.source].append(edge)
    boxes = {node.key: _size(node, len(made[node.key])) for node in around.nodes}
    links = [(edge.source, edge.target) for edge in around.edges]
    layout = lay_out(boxes, links, between=BETWEEN)
    nodes = {node.key: node for node in around.nodes}
    labels = [
        label
        for key, values in made.items()
        if nodes[key].kind == "node"
        for label in _labels(key, values, boxes[key], layout, around.edges)
    ]
    return Drawing(
        width=round(max([layout.width, *map(_right_end, labels)]), 1),
        height=round(layout.height, 1),
        boxes=tuple(_drawn(node, boxes[node.key], layout, made) for node in around.nodes),
        paths=tuple(_paths(around.edges, boxes, layout, made)),
        labels=tuple(labels),
        summary="; ".join(
            f"{_who(nodes[edge.source])} feeds {_who(nodes[edge.target])}" for edge in around.edges
        ),
    )


def _size(node: GraphNode, values: int) -> Box:
    if node.kind != "node":
        return END
    return Box(max(NODE.width, LABEL_ROOM * values), NODE.height)


def _drawn(node: GraphNode, box: Box, layout: Layout, made: dict[str, list[GraphEdge]]) -> DrawnBox:
    corner = layout.x[node.key] - box.width / 2, layout.y[node.key] - box.height / 2
    if node.kind == "node":
        lines = [middle(_op(node), 30), middle(node.name, 30), _adds(node)]
        title = f"{_op(node)} {node.name}: {_adds(node)}"
    else:
        own = made[node.key]
        kind = _type(own[0]) if own else ""
        lines = [middle(node.name, 24), f"{node.kind} {middle(kind, 19)}".strip()]
        title = f"{node.kind} {node.name} {kind}"
    look = f"{node.kind} {node.role} {_severity(node)}"
    x, y = (round(at, 1) for at in corner)
    return DrawnBox(x, y, box.width, box.height, look, tuple(lines), printable(title))


def _op(node: GraphNode) -> str:
    return f"{node.domain}::{node.op_type}" if node.domain else node.op_type


def _adds(node: GraphNode) -> str:
    if node.introduced is None:
        return "not measured"
    if node.introduced == 0:
        return "adds nothing"
    if node.tolerance:
        return (
            f"adds {number(node.introduced, 1)}, {ratio(node.introduced / node.tolerance)}{TIMES}"
        )
    return f"adds {number(node.introduced, 1)}"


def _severity(node: GraphNode) -> str:
    """A class of style: by how many times the node introduces what rounding explains."""
    if node.kind != "node" or node.introduced is None:
        return "bad" if node.status == "bad" else "unknown"
    if node.introduced == 0:
        return "equal"
    found = node.introduced / node.tolerance if node.tolerance else math.inf
    if found <= 1.0:
        return "noise"
    return "worst" if found > FAR else "bad"


def _who(node: GraphNode) -> str:
    return printable(f"{node.op_type or node.kind} {node.name}")


def _type(edge: GraphEdge) -> str:
    if edge.shape is None:
        return edge.dtype or ""
    return typed(edge.dtype, edge.shape)


def _port(value: str, values: Sequence[GraphEdge], box: Box, middle_x: float) -> float:
    """Where a value leaves its box: several share the lower side."""
    place = [edge.value for edge in values].index(value)
    return middle_x + box.width * ((place + 0.5) / len(values) - 0.5)


def _labels(
    key: str, values: Sequence[GraphEdge], box: Box, layout: Layout, edges: Sequence[GraphEdge]
) -> Iterator[DrawnLabel]:
    """A label stands on the side to which the value does not go, unless another value is there."""
    for edge in values:
        x = _port(edge.value, values, box, layout.x[key])
        goes = [
            layout.x[layout.routes[key, other.target][1]] - x
            for other in edges
            if (other.source, other.value) == (key, edge.value)
        ]
        left = len(values) == 1 and sum(goes) > 0 and x > LABEL_WIDTH
        y = layout.y[key] + box.height / 2 + 15
        kind = _type(edge)
        title = printable(f"{edge.value} {kind}")
        name, told = middle(edge.value, 26), middle(kind, 28)
        beside = round(x - 6 if left else x + 6, 1)
        yield DrawnLabel(beside, y, name, told, title, "end" if left else "start")


def _right_end(label: DrawnLabel) -> float:
    return label.x + (LABEL_WIDTH if label.anchor == "start" else 0.0)


def _paths(
    edges: Sequence[GraphEdge],
    boxes: dict[str, Box],
    layout: Layout,
    made: dict[str, list[GraphEdge]],
) -> Iterator[str]:
    """One curve an edge, through its bends."""
    for edge in edges:
        source, target = edge.source, edge.target
        x = _port(edge.value, made[source], boxes[source], layout.x[source])
        y = layout.y[source] + boxes[source].height / 2
        words = [f"M{x:.1f} {y:.1f}"]
        for step in layout.routes[source, target][1:]:
            end_x, end_y = layout.x[step], layout.y[step]
            if isinstance(step, str):
                end_y -= boxes[step].height / 2
            half = (end_y - y) / 2
            words.append(
                f"C{x:.1f} {y + half:.1f} {end_x:.1f} {end_y - half:.1f} {end_x:.1f} {end_y:.1f}"
            )
            x, y = end_x, end_y
        yield "".join(words)
