"""Attributes that a custom operator shares with the standard one that it becomes."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView

_FUSED = frozenset({"activation", "activation_params", "channels_last"})


def carried(node: NodeView, without: Collection[str] = _FUSED) -> dict[str, Any]:
    """Those that the node has, but for `without`: what is fused into it and its layout."""
    return {name: value for name, value in node.attributes.items() if name not in without}


def flag(node: NodeView, name: str) -> bool:
    """Whether an attribute of 0 or 1 is 1; onnxruntime takes any other number as 0."""
    return node.attr_int(name, 0) == 1
