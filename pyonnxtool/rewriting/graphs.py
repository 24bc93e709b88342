"""The graphs of a model, bodies at any depth, and the names in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model


def graphs_of(model: Model) -> Iterator[Graph]:
    """The main graph and the bodies of its nodes at any depth, outer ones first."""
    yield from graphs_under(model.graph)


def graphs_under(top: Graph) -> Iterator[Graph]:
    """The graph and the bodies of its nodes at any depth, outer ones first."""
    waiting = [top]
    while waiting:
        graph = waiting.pop(0)
        yield graph
        waiting += [body for node in graph.nodes for body in node.subgraphs]


def names_of(model: Model) -> Iterator[str]:
    """Every name that a graph, a body or a function of the model uses, of values and of nodes."""
    for graph in graphs_of(model):
        yield from (value.name for value in graph.values)
        yield from (node.name for node in graph.nodes)
