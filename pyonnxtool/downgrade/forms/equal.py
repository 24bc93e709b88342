"""Equal of floats and uint64, which it takes from opset 11 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.forms import FORMS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@FORMS.add("Equal")
def _by_order(node: NodeView, tape: Tape, dtype: str) -> Decision | None:
    """Neither less nor greater nor NaN; unsigned integers by their bits."""
    a, b = node["A"], node["B"]
    if dtype == "uint64":
        return tape.op("Equal", tape.cast(a, "int64"), tape.cast(b, "int64"))
    if dtype not in ("float16", "float32", "float64"):
        return None
    apart = tape.op("Or", tape.op("Less", a, b), tape.op("Greater", a, b))
    of_both = tape.op("Add", a, b)  # also NaN of infinities that differ, which are not equal
    return tape.op("Not", tape.op("Or", apart, tape.op("IsNaN", of_both)))
