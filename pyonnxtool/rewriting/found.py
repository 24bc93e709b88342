"""What a pattern is in a graph, as far as it has been found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.rewriting.operand import Operand, home_of

if TYPE_CHECKING:
    from pyonnxtool._core import Graph
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.pattern import Step


@dataclass(frozen=True)
class Found:
    """What the nodes and values of a pattern are in a graph, as far as they are known."""

    nodes: Mapping[Step, NodeView] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    """Operands and attributes, by the names of the pattern's parameters."""
    outputs: tuple[Operand, ...] = ()
    """What the pattern gives back."""

    def with_node(self, step: Step, view: NodeView) -> Found:
        """One node more."""
        return replace(self, nodes={**self.nodes, step: view})

    def with_value(self, name: str, value: Any) -> Found:
        """One parameter more."""
        return replace(self, values={**self.values, name: value})


@dataclass(frozen=True)
class Miss:
    """Where a pattern stopped fitting."""

    depth: int
    """How many nodes did fit."""
    text: str
    nearly: bool = False
    """What was wrong was of the right kind."""

    @property
    def nearness(self) -> tuple[int, bool]:
        """The largest is the closest."""
        return self.depth, self.nearly


def same_value(one: Any, other: Any) -> bool:
    """Two operands are one value, or constants with the same elements."""
    if not isinstance(one, Operand) or not isinstance(other, Operand):
        return False
    ours, theirs = (home_of(str(each), each.graph) for each in (one, other))
    if str(one) == str(other) and ours == theirs:
        return True
    known, given = one.const, other.const
    if known is None or given is None or known.dtype != given.dtype:
        return False
    return known.shape == given.shape and bool(np.all(known == given))


def outermost(graph: Graph) -> Graph:
    """The main graph, or that of the function."""
    while graph.parent is not None:
        graph = graph.parent
    return graph


def label_of(view: NodeView) -> str:
    """For near misses: `Erf 'act/erf'`."""
    return f"{view.op_type} {view.label!r}"


def source_of(operand: Operand) -> str:
    """For near misses: "the weight w", of a value that no node makes."""
    home = home_of(str(operand), operand.graph)
    value = None if home is None else home.value(str(operand))
    weight = value is not None and value.initializer is not None
    return f"the {'weight' if weight else 'input'} {operand!s}"
