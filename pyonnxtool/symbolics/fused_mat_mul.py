"""FusedMatMul, its older name TransposeMatMul, and FusedMatMulActivation of com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._activation import activated

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::FusedMatMul")
@SYMBOLICS.add("com.microsoft::TransposeMatMul")
def fused_mat_mul(node: NodeView, tape: Tape) -> Decision:
    """MatMul of transposed operands, times alpha."""
    return _product(node, tape)


@SYMBOLICS.add("com.microsoft::FusedMatMulActivation")
def fused_mat_mul_activation(node: NodeView, tape: Tape) -> Decision:
    """MatMul of transposed operands, times alpha, then the activation."""
    made = _product(node, tape)
    return made if isinstance(made, Refusal) else activated(node, tape, made)


def _product(node: NodeView, tape: Tape) -> str | Refusal:
    a = _turned(node, tape, node.inputs[0], "A")
    b = _turned(node, tape, node.inputs[1], "B")
    if isinstance(a, Refusal):
        return a
    if isinstance(b, Refusal):
        return b
    made = tape.op("MatMul", a, b)
    alpha = node.attr_float("alpha", 1.0)
    if alpha == 1.0:
        return made
    dtype = node.inputs[0].dtype or node.inputs[1].dtype
    if dtype is None:
        return node.refuse("the type of its operands is not known, which `alpha` needs")
    return tape.op("Mul", made, tape.const(alpha, dtype))


def _turned(node: NodeView, tape: Tape, operand: Operand, which: str) -> str | Refusal:
    """The operand as MatMul takes it.

    `transBatch` says that its first axis, not the last but one, is that of the rows; `trans` that
    rows and columns, as they are then, are swapped. A vector has neither.
    """
    batch = node.attr_int(f"transBatch{which}", 0)
    rows = node.attr_int(f"trans{which}", 0)
    if not batch and not rows:
        return operand
    rank = operand.rank
    if rank is None:
        return node.refuse_dynamic(f"the rank of {which}")
    axes = list(range(rank))
    if batch and rank > 2:
        axes = [*axes[1:-1], 0, axes[-1]]
    if rows and rank > 1:
        axes[-2:] = axes[-1], axes[-2]
    return operand if axes == sorted(axes) else tape.op("Transpose", operand, perm=axes)
