"""Sign from 9 to 8: by comparing with zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Sign", 9))
def sign(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: one where it is above zero, less one where it is below; NaN stays NaN."""
    x = node["input"]
    if x.dtype is None:
        return node.refuse("the element type of `input` is not known")
    zero = tape.const(0, x.dtype)
    is_above = tape.op("Greater", x, zero)
    above = tape.cast(is_above, x.dtype)
    if x.dtype.startswith("u"):
        return above
    sign = tape.op("Sub", above, tape.cast(tape.op("Less", x, zero), x.dtype))
    if x.dtype.startswith("int"):
        return sign
    is_number = tape.op("Or", is_above, tape.op("Less", x, tape.const(1, x.dtype)))
    return tape.op("Div", sign, tape.cast(is_number, x.dtype))  # 0 / 0 for NaN
