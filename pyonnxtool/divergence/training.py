"""Signs that a model was exported in training mode: it is not the network that is deployed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyonnxtool.divergence.weights import constant

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Node

_LISTED = 3


def training_notes(model: Model) -> list[str]:
    """A sentence for batch norm that uses the batch's statistics, one for dropout that is live."""
    nodes = list(_nodes(model))
    notes = []
    norms = [node for node in nodes if _is_training_norm(node)]
    if norms:
        notes.append(
            f"exported in training mode: BatchNormalization {_names(norms)} uses the statistics "
            "of the batch; call .eval() on the module before export"
        )
    dropouts = [node for node in nodes if _is_live(model, node)]
    if dropouts:
        notes.append(
            f"exported in training mode: Dropout {_names(dropouts)} is live, so outputs are "
            "random; call .eval() on the module before export"
        )
    return notes


def _is_training_norm(node: Node) -> bool:
    if node.op_type != "BatchNormalization":
        return False
    several = sum(map(bool, node.output_names)) > 1
    return several or bool(node.attributes.get("training_mode", 0))


def _is_live(model: Model, node: Node) -> bool:
    """Since opset 12 an input says so; before that, Dropout did nothing at inference."""
    if node.op_type != "Dropout" or len(node.input_names) < 3 or not node.input_names[2]:
        return False
    ratio = _scalar(model, node, 1, default=0.5)
    return _scalar(model, node, 2, default=1.0) != 0.0 and ratio != 0.0


def _scalar(model: Model, node: Node, slot: int, default: float) -> float:
    """A constant input; what is computed or not given counts as the default."""
    name = node.input_names[slot]
    value = node.inputs[slot]
    if not name or value is None or value.graph != model.graph:
        return default
    tensor = constant(model, name)
    return float(tensor.numpy().reshape(-1)[0]) if tensor is not None else default


def _nodes(model: Model) -> Iterator[Node]:
    yield from _inside(model.graph)
    for function in model.functions:
        yield from _inside(function.graph)


def _inside(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        yield node
        for body in node.subgraphs:
            yield from _inside(body)


def _names(nodes: list[Node]) -> str:
    shown = ", ".join(repr(node.name or node.output_names[0]) for node in nodes[:_LISTED])
    more = f" and {len(nodes) - _LISTED} more" if len(nodes) > _LISTED else ""
    return f"{shown}{more}"
