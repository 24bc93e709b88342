"""Gelu from 20 to 19: its formula, in the form that runtimes know as Gelu."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.function_body import expanded

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Gelu", 20))
def gelu(node: NodeView, tape: Tape) -> Decision:
    """20 -> 19: the formula with Erf, or with Tanh where it is approximated."""
    x = node["X"]
    if x.dtype is None:
        return expanded(node, tape)
    if node.attr_str("approximate") == "tanh":
        cubic = tape.op("Mul", tape.op("Mul", x, x), x)
        scaled = tape.op("Mul", cubic, tape.const(0.044715, x.dtype))
        inner = tape.op("Add", x, scaled)
        root = tape.const(math.sqrt(2 / math.pi), x.dtype)
        gate = tape.op("Tanh", tape.op("Mul", inner, root))
    else:
        gate = tape.op("Erf", tape.op("Div", x, tape.const(math.sqrt(2), x.dtype)))
    open_part = tape.op("Add", gate, tape.const(1, x.dtype))
    return tape.op("Mul", tape.op("Mul", x, open_part), tape.const(0.5, x.dtype))
