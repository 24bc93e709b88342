"""Celu by its formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def celu(node: NodeView, tape: Tape, dtype: str) -> str:
    """In nodes of opset 11 and above. The slope of Elu is 1 only where alpha is 1 as well."""
    x, alpha = node["X"], node.attr_float("alpha")
    if alpha == 1:
        return tape.op("Elu", x, alpha=1.0)
    scaled = tape.op("Div", x, tape.const(alpha, dtype))
    if alpha > 0:
        below = tape.op("Elu", scaled, alpha=alpha)
        return tape.op("Where", tape.op("Greater", x, tape.const(0, dtype)), x, below)
    zero, one = tape.const(0, dtype), tape.const(1, dtype)
    below = tape.op("Mul", tape.op("Sub", tape.op("Exp", scaled), one), tape.const(alpha, dtype))
    return tape.op("Add", tape.op("Max", x, zero), tape.op("Min", below, zero))
