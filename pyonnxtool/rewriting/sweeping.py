"""Takes away what nothing reads any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyonnxtool.rewriting.operand import home_of

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Node


def sweep(graph: Graph, nodes: Iterable[Node], names: Iterable[str]) -> None:
    """Remove these nodes and what made these values, as far as nothing reads them, and so on.

    Inputs and outputs of graphs stay. `names` are seen from `graph`.
    """
    waiting: list[tuple[Graph, str]] = [(graph, str(name)) for name in names]
    for node in nodes:
        if not any(node.output_names):
            waiting += _remove(node)
    while waiting:
        place, name = waiting.pop()
        home = home_of(name, place)
        if home is None:
            continue
        value = home.value(name)
        if value.is_output or value.is_input or value.consumers:
            continue
        if value.producer is not None:
            outputs = [one for one in value.producer.outputs if one is not None]
            if not any(one.is_output or one.consumers for one in outputs):
                waiting += _remove(value.producer)
        elif value.initializer is not None:
            home.remove_initializer(name)


def _remove(node: Node) -> list[tuple[Graph, str]]:
    """What it read, and may be read by nothing now."""
    graph = node.graph
    read = [*node.input_names, *(value.name for value in node.captured)]
    graph.remove_node(node)
    return [(graph, name) for name in read if name]
