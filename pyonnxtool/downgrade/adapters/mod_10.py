"""Mod from 10 to 9: the value less the divisor times the quotient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._float_remainder import float_remainder
from pyonnxtool.downgrade.dtypes import is_float

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Mod", 10))
def mod(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: the value less the divisor times the quotient; floats by a Loop that is exact."""
    a, b = node["A"], node["B"]
    dtype = a.dtype or b.dtype
    if dtype is None:
        return node.refuse("the element type of `A` is not known")
    if is_float(dtype):
        return _of_floats(node, dtype, tape)
    rest = tape.op("Sub", a, tape.op("Mul", tape.op("Div", a, b), b))
    if node.attr_int("fmod") or dtype.startswith("u"):
        return rest
    zero, known = tape.const(0, dtype), b.const
    other_side = tape.op("Less", rest, zero)
    if known is None or not bool(np.all(known > 0)):
        sides = tape.op("Xor", other_side, tape.op("Less", b, zero))
        some = tape.op("Not", tape.op("Equal", rest, zero))
        other_side = tape.op("And", sides, some)
    return tape.op("Where", other_side, tape.op("Add", rest, b), rest)


def _of_floats(node: NodeView, dtype: str, tape: Tape) -> str:
    wide = "float64" if dtype == "float64" else "float32"
    a, b = (str(one) if dtype == wide else tape.cast(one, wide) for one in (node["A"], node["B"]))
    found = float_remainder(a, b, wide, node.out().rank, tape)
    return found if dtype == wide else tape.cast(found, dtype)
