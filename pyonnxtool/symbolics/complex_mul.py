"""ComplexMul and ComplexMulConj of com.microsoft: real and imaginary parts are the last axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::ComplexMul")
def complex_mul(node: NodeView, tape: Tape) -> Decision:
    """Products of the parts, and Concat."""
    return _product(node, tape, conjugate=False)


@SYMBOLICS.add("com.microsoft::ComplexMulConj")
def complex_mul_conj(node: NodeView, tape: Tape) -> Decision:
    """Products of the parts, the second operand conjugated, and Concat."""
    return _product(node, tape, conjugate=True)


def _product(node: NodeView, tape: Tape, *, conjugate: bool) -> str:
    (a, b), (c, d) = (
        tape.many("Split", one, outputs=2, axis=-1, num_outputs=2) for one in node.inputs[:2]
    )
    real, imaginary = ("Add", "Sub") if conjugate else ("Sub", "Add")
    parts = (
        tape.op(real, tape.op("Mul", a, c), tape.op("Mul", b, d)),
        tape.op(imaginary, tape.op("Mul", b, c), tape.op("Mul", a, d)),
    )
    return tape.op("Concat", *parts, axis=-1)
