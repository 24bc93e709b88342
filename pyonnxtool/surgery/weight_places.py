"""The weights of a model by name: initializers and Constant nodes, in bodies and functions too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.rewriting.graphs import graphs_under

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Node, Tensor


@dataclass(frozen=True)
class WeightPlace:
    """One weight, where it is."""

    name: str
    """Of the value."""
    tensor: Tensor
    graph: Graph
    node: Node | None
    """The Constant node that holds it; None: an initializer."""

    def put(self, tensor: Tensor) -> None:
        """Another tensor in its place."""
        if self.node is None:
            self.graph.set_initializer(tensor, self.name)
        else:
            self.node.set_attribute("value", tensor)


def weight_places(model: Model) -> Iterator[WeightPlace]:
    """Those of the main graph and its bodies, outer ones first, then those of functions."""
    for root in [model.graph, *(function.graph for function in model.functions)]:
        for graph in graphs_under(root):
            yield from _of_graph(graph)


def _of_graph(graph: Graph) -> Iterator[WeightPlace]:
    for tensor in graph.initializers:
        yield WeightPlace(tensor.name, tensor, graph, None)
    for node in graph.nodes:
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx") and node.output_names:
            held = node.attributes.get("value")
            if isinstance(held, _core.Tensor):
                yield WeightPlace(node.output_names[0], held, graph, node)
