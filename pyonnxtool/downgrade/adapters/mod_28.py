"""Mod from 28 to 27: of floats with the sign of the divisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.dtypes import is_float
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Mod", 28))
def sign_of_divisor(node: NodeView, tape: Tape) -> Decision:
    """28 -> 27: of floats without `fmod`, the remainder of C's fmod moved to the divisor's side."""
    a, b = node["A"], node["B"]
    dtype = a.dtype or b.dtype
    if node.attr_int("fmod"):
        return KEEP
    if dtype is None:
        return node.refuse("the element type of `A` is not known")
    if not is_float(dtype):
        return KEEP
    zero = tape.const(0, dtype)
    rest = tape.op("Mod", a, b, fmod=1)
    negative = tape.op("Less", b, zero)
    other_side = tape.op("Xor", tape.op("Less", rest, zero), negative)
    moved = tape.op("Where", other_side, tape.op("Add", rest, b), rest)
    none_left = tape.op("Where", negative, tape.const(-0.0, dtype), zero)
    return tape.op("Where", tape.op("Equal", rest, zero), none_left, moved)
