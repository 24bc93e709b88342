"""FusedGemm and GemmFastGelu of com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._activation import activated

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::FusedGemm")
def fused_gemm(node: NodeView, tape: Tape) -> Decision:
    """Gemm, then the activation."""
    made = tape.op(
        "Gemm",
        *(node.arg(place) for place in range(3)),
        alpha=node.attr_float("alpha", 1.0),
        beta=node.attr_float("beta", 1.0),
        transA=node.attr_int("transA", 0),
        transB=node.attr_int("transB", 0),
    )
    return activated(node, tape, made)


@SYMBOLICS.add("com.microsoft::GemmFastGelu")
def gemm_fast_gelu(node: NodeView, tape: Tape) -> Decision:
    """MatMul, the bias, and Gelu by tanh."""
    made = tape.op("MatMul", node.inputs[0], node.inputs[1])
    if node.arg(2):
        made = tape.op("Add", made, node.arg(2))
    return tape.op("Gelu", made, approximate="tanh")
