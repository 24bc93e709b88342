"""PRelu of integers, which it takes from opset 9 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.forms import FORMS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@FORMS.add("PRelu")
def _of_integers(node: NodeView, tape: Tape, dtype: str) -> Decision | None:
    """The value times the slope where it is negative, and times one elsewhere."""
    x, slope = node["X"], node["slope"]
    if dtype in ("uint32", "uint64"):
        return x
    if dtype not in ("int32", "int64"):
        return None
    as_double = tape.cast(x, "float64")  # keeps the sign
    negative = tape.cast(tape.op("Less", as_double, tape.const(0, "float64")), dtype)
    one = tape.const(1, dtype)
    excess = tape.op("Mul", negative, tape.op("Sub", slope, one))
    return tape.op("Mul", x, tape.op("Add", excess, one))
