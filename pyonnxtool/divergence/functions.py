"""Model-local functions opened before two models are laid side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.op_schemas import same_meaning

if TYPE_CHECKING:
    from pyonnxtool._core import Node
    from pyonnxtool.divergence.probe import Side


def opened(side: Side) -> tuple[Side, list[str]]:
    """The side with its calls of functions inlined, and notes on calls that could not be.

    Weights are shared. The final outputs still come from the model as it was given. Raises
    ModelError for a function that calls itself.
    """
    if not side.model.functions:
        return side, []
    model, kept = _core.inline_functions(side.model, same_meaning)
    notes = [f"{side.text}: {call} stays closed: {reason}" for call, reason in kept]
    return replace(side, model=model, untouched=side.model), notes


def function_of(node: Node) -> str:
    """The function that the node was inlined from: "Dense (called by /dense0)"; else ""."""
    return node.metadata.get(_core.CALLED_FROM, "")
