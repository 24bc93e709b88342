"""Attributes that a later opset has as inputs: the same thing in another place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyonnxtool.divergence.constants import constant

if TYPE_CHECKING:
    from pyonnxtool._core import Node

_SLOTS = {
    "Squeeze": {"axes": 1},
    "Unsqueeze": {"axes": 1},
    "Split": {"split": 1},
    "Clip": {"min": 1, "max": 2},
    "Pad": {"pads": 1, "value": 2},
    "TopK": {"k": 1},
    "Slice": {"starts": 1, "ends": 2, "axes": 3},
    "Dropout": {"ratio": 1},
}
_REDUCTION = {"axes": 1}


def slots(node: Node) -> dict[str, int]:
    """Attribute to the input that replaces it in later opsets."""
    if node.op_type.startswith("Reduce"):
        return _REDUCTION
    return _SLOTS.get(node.op_type, {})


def value_of(node: Node, name: str) -> list[Any] | None:
    """What the node is told as `name`, as an attribute or a constant input; None for neither."""
    if name in node.attributes:
        held = node.attributes[name]
        return list(held) if isinstance(held, list) else [held]
    slot = slots(node).get(name, len(node.input_names))
    given = node.input_names[slot] if slot < len(node.input_names) else ""
    tensor = constant(node.graph.model, given) if given else None
    return list(tensor.numpy().reshape(-1).tolist()) if tensor is not None else None
