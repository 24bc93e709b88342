"""Mixture of experts of com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attributes import flag
from pyonnxtool.symbolics._experts import Experts, experts_refusal, mixture
from pyonnxtool.symbolics._sizes import size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::MoE")
def moe(node: NodeView, tape: Tape) -> Decision:
    """All experts by MatMul, and the sum of what TopK takes of them."""
    first, second, third = (node.arg(place) for place in (2, 4, 6))
    if (refusal := experts_refusal(node, third)) is not None:
        return refusal
    count, shape = size_of(first, 0).known, second.static_shape
    if count is None or shape is None or len(shape) != 3:
        return node.refuse_dynamic("the shape of its weights")
    biases = node.arg(3), node.arg(5), node.arg(7)
    normalized = flag(node, "normalize_routing_weights")
    parts = (first, second, third), biases, normalized
    return mixture(Experts(node, count, shape[1], shape[2], *parts), tape)
