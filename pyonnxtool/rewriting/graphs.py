"""The graphs of a model, bodies at any depth, and the names in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyonnxtool.errors import ModelError

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Node


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
    for top in (model.graph, *(function.graph for function in model.functions)):
        for graph in graphs_under(top):
            yield from (value.name for value in graph.values)
            yield from (node.name for node in graph.nodes)


def is_there(node: Node) -> bool:
    """Whether the node is still in its graph: not once it was removed or replaced."""
    try:
        return bool(node.op_type)
    except ModelError:
        return False
