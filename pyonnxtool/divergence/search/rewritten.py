"""What optimizers did to a graph: the nodes that they made, and those that these stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.divergence.blame.surroundings import surroundings
from pyonnxtool.divergence.blame.why import label, line, neighbourhood
from pyonnxtool.report import Culprit

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node

_LISTED = 6
_CARRIERS = frozenset({"Transpose", "Reshape", "Cast", "Identity", "ReorderInput", "ReorderOutput"})
"""They bring a value into another form; the node next to them is what matters."""


@dataclass(frozen=True)
class Change:
    """A node that is only there with the optimizers, and what is in its place without them."""

    node: Node
    made: tuple[str, ...]
    """The values that both make."""
    replaced: tuple[Node, ...]

    def culprit(self, optimizers: Sequence[str]) -> Culprit:
        """The node as what makes the difference."""
        last = self.replaced[-1] if self.replaced else None
        names = " and ".join(optimizers)
        return Culprit(
            node=label(self.node),
            op_type=self.node.op_type,
            domain=self.node.domain,
            graph="main",
            outputs=self.made,
            reference_node=label(last) if last is not None else "",
            reference_outputs=tuple(last.output_names) if last is not None else self.made,
            why=f"{names} made this {self.node.op_type} of {self._parts()}",
            region=tuple(map(label, self.replaced)),
            neighbourhood=neighbourhood(self.node),
            surroundings=surroundings(self.node, (), lambda name: None),
        )

    def touches(self, values: Container[str]) -> bool:
        """Whether the node, or one that it stands for, makes one of these values."""
        own = (name for node in self.replaced for name in node.output_names)
        return any(name in values for name in (*self.made, *own))

    def _parts(self) -> str:
        parts = [f"{label(node)} ({node.op_type})" for node in self.replaced]
        more = len(parts) - _LISTED
        return ", ".join([*parts[:_LISTED], *([f"{more} more"] if more > 0 else [])]) or "nothing"


def changes(before: Model, after: Model) -> list[Change]:
    """The nodes of `after` that `before` lacks, each with the nodes that make the same values.

    Both are graphs that a runtime optimized, where a value keeps its name as long as it is there.
    New nodes whose values have no name in `before` belong to the next one that makes such a value.
    """
    known = {_text(node) for node in before.graph.nodes}
    kept = {_text(node) for node in after.graph.nodes}
    there = set(_core.produced_values(before))
    named = {value.name for value in before.graph.values}
    found = []
    for node in after.graph.order():
        made = [name for name in node.output_names if name in there]
        if _text(node) in known or not made:
            continue
        group, read = _back_to_known(node, named)
        region = _core.region(before, [name for name in read if name not in made], made)
        nodes = [before.graph.node(one) for one in region]
        replaced = tuple(one for one in nodes if _text(one) not in kept)
        speaker = next((one for one in group if one.op_type not in _CARRIERS), node)
        if _kinds(replaced) != _kinds([speaker]):
            found.append(Change(speaker, tuple(made), replaced))
    return found


def _back_to_known(node: Node, named: Container[str]) -> tuple[list[Node], list[str]]:
    """The node with those before it whose values are new, and the known values that they read."""
    group: dict[int, Node] = {}
    read: dict[str, None] = {}
    pending = [node]
    while pending:
        one = pending.pop()
        group[one.id] = one
        for value in (*one.inputs, *one.captured):
            if value is None:
                continue
            if value.name in named:
                read[value.name] = None
            elif value.producer is not None and value.producer.id not in group:
                pending.append(value.producer)
    return list(group.values()), list(read)


def _kinds(nodes: Sequence[Node]) -> list[tuple[str, str]]:
    return list(map(_kind, nodes))


def nodes_of(model: Model, culprit: Culprit) -> set[str]:
    """The values that a culprit and its region make."""
    names = {culprit.node, *culprit.region}
    return {
        name
        for node in model.graph.nodes
        if label(node) in names
        for name in node.output_names
        if name
    }


def told(before: Model, after: Model) -> str:
    """Says "made of other nodes: 12 Gelu, 1 FusedMatMul"; empty where nothing new is there."""
    known = {_text(node) for node in before.graph.nodes}
    there = Counter(map(_kind, before.graph.nodes))
    new = Counter(_kind(node) for node in after.graph.nodes if _text(node) not in known)
    counts = Counter(
        {kind: new[kind] for kind in new if kind[1] not in _CARRIERS and new[kind] > there[kind]}
    )
    parts = [f"{count:,} {op}" for (_, op), count in counts.most_common(_LISTED)]
    more = len(counts) - _LISTED
    if not parts:
        return ""
    return f"made of other nodes: {', '.join(parts)}{f' and {more} more kinds' if more > 0 else ''}"


def _kind(node: Node) -> tuple[str, str]:
    return node.domain, node.op_type


def _text(node: Node) -> str:
    return f"{node.domain} {line(node)}"
