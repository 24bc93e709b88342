"""What nothing reads any more once its readers were rewritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.rewriting.graphs import graphs_of, graphs_under

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Node


class Unread:
    """Remembers what was never read, so that only what lost its readers goes."""

    def __init__(self, model: Model) -> None:
        self._always = {name for graph in graphs_of(model) for name in _unread(graph)}

    def prune(self, model: Model) -> list[Node]:
        """Remove initializers, nodes and declared types that a rewrite left without a reader.

        Returns the nodes, those of their bodies too.
        """
        removed: list[Node] = []
        for graph in reversed(list(graphs_of(model))):
            removed += self._prune(graph)
        return removed

    def _prune(self, graph: Graph) -> list[Node]:
        removed: list[Node] = []
        for node in reversed(graph.order()):
            made = [value for value in node.outputs if value is not None]
            if made and all(self._lost(value.name, graph) for value in made):
                inside = [one for body in node.subgraphs for one in graphs_under(body)]
                removed += [node, *(each for body in inside for each in body.nodes)]
                graph.remove_node(node)
        inputs = {value.name for value in graph.inputs}
        for tensor in graph.initializers:
            if tensor.name not in inputs and self._lost(tensor.name, graph):
                graph.remove_initializer(tensor.name)
        for value in graph.values:
            if value.is_outer and not value.consumers and not value.is_output:
                graph.declare(value.name, None)
        return removed

    def _lost(self, name: str, graph: Graph) -> bool:
        value = graph.value(name)
        return not value.consumers and not value.is_output and name not in self._always


def _unread(graph: Graph) -> list[str]:
    return [one.name for one in graph.values if not one.consumers and not one.is_output]
