"""Outputs of control flow that a model omits, which onnxruntime 1.31 refuses or crashes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyonnxtool._core import Graph, Model, Node

_WITH_BODIES = frozenset({"If", "Loop", "Scan"})


def with_named_outputs(model: Model) -> Model:
    """The model, or a copy of it in which If, Loop and Scan omit no output; weights are shared.

    A Loop without its first output made the process die.
    """
    if not _omitting(model):
        return model
    copy = model.copy()
    for node in _omitting(copy):
        graph = node.graph
        names = list(node.output_names)
        for place, name in enumerate(names):
            if not name:
                names[place] = graph.fresh_name(f"{node.name or node.op_type}/omitted{place}")
                node.set_outputs(names)
    return copy


def _omitting(model: Model) -> list[Node]:
    return [node for node in _control_flow(model.graph) if "" in node.output_names]


def _control_flow(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        if node.op_type in _WITH_BODIES:
            yield node
            for body in node.subgraphs:
                yield from _control_flow(body)
