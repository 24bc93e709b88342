"""GELU of com.microsoft, and what onnxruntime fuses with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._floats import not_float

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::Gelu")
def gelu(node: NodeView, tape: Tape) -> Decision:
    """Gelu, by the error function."""
    return tape.op("Gelu", node.inputs[0])


@SYMBOLICS.add("com.microsoft::BiasGelu")
def bias_gelu(node: NodeView, tape: Tape) -> Decision:
    """Add, then Gelu, by the error function."""
    return tape.op("Gelu", tape.op("Add", node.inputs[0], node.inputs[1]))


@SYMBOLICS.add("com.microsoft::FastGelu")
def fast_gelu(node: NodeView, tape: Tape) -> Decision:
    """Add of the bias, if any, then Gelu, by tanh."""
    x: str = node.inputs[0]
    if node.arg(1):
        x = tape.op("Add", x, node.arg(1))
    return tape.op("Gelu", x, approximate="tanh")


@SYMBOLICS.add("com.microsoft::QuickGelu")
def quick_gelu(node: NodeView, tape: Tape) -> Decision:
    """Sigmoid of `alpha` times the input, times the input."""
    x, alpha = node.inputs[0], node.attr_float("alpha", 1.702)
    if (refusal := not_float(node, x)) is not None:
        return refusal
    inner = x if alpha == 1.0 else tape.op("Mul", x, tape.const(alpha, x.dtype))
    return tape.op("Mul", x, tape.op("Sigmoid", inner))


@SYMBOLICS.add("com.microsoft::BiasSplitGelu")
def bias_split_gelu(node: NodeView, tape: Tape) -> Decision:
    """Add and Split: the first half times the Gelu of the second."""
    summed = tape.op("Add", node.inputs[0], node.inputs[1])
    left, right = tape.many("Split", summed, outputs=2, axis=-1, num_outputs=2)
    return tape.op("Mul", left, tape.op("Gelu", right))
