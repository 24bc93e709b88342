"""Tensors that a model holds, wherever it holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Tensor


def constant(model: Model, name: str) -> Tensor | None:
    """The tensor behind an initializer or a Constant's output; None for other values."""
    value = model.graph.value(name)
    if value.initializer is not None:
        return value.initializer
    held = value.producer.attributes.get("value") if value.producer is not None else None
    return held if hasattr(held, "numpy") else None
