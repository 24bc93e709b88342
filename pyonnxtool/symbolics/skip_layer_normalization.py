"""Sums that are normalized at once: SkipLayerNormalization and its form without a mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_EPSILON = 1e-12


@SYMBOLICS.add("com.microsoft::SkipLayerNormalization")
def skip_layer_normalization(node: NodeView, tape: Tape) -> Decision:
    """Add, then LayerNormalization of the last axis."""
    summed = _sum(node, node.arg(4), tape)
    normal = tape.many(
        "LayerNormalization",
        summed,
        node.inputs[2],
        node.arg(3),
        outputs=[bool(node.out(place)) for place in range(3)],
        axis=-1,
        epsilon=node.attr_float("epsilon", _EPSILON),
    )
    return *normal, summed


@SYMBOLICS.add("com.microsoft::SkipSimplifiedLayerNormalization")
def skip_simplified_layer_normalization(node: NodeView, tape: Tape) -> Decision:
    """Add, then RMSNormalization of the last axis."""
    if node.out(1):
        return node.refuse("its output `mean` is read, which this normalization does not compute")
    summed = _sum(node, node.arg(3), tape)
    made = tape.many(
        "SimplifiedLayerNormalization",
        summed,
        node.inputs[2],
        outputs=[bool(node.out(place)) for place in (0, 2)],
        axis=-1,
        epsilon=node.attr_float("epsilon", _EPSILON),
    )
    return made[0], "", made[1], summed


def _sum(node: NodeView, bias: Operand, tape: Tape) -> str:
    summed = tape.op("Add", node.inputs[0], node.inputs[1])
    return tape.op("Add", summed, bias) if bias else summed
