"""Erf from 9 to 8: a quotient of two polynomials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_SATURATED = 4.0
"""From where on the function is one to half a unit in the last place of a float."""
_ABOVE = (
    *(1.1283791394067941, 0.19354645490697314, 0.05310175418097411),
    *(0.0038833397007438874, 0.0002845554294155808, 1.9866481917679317e-06),
)
_BELOW = (
    *(1.0, 0.504858637328404, 0.1153504119645333),
    *(0.015207271333935604, 0.0011855494000756314, 3.7418207200182765e-05),
)
"""Of erf(x) / x by powers of x squared: fitted on [0, 16], off by 2.5e-8 of the value at most."""


@ADAPTERS.add(("Erf", 9))
def erf(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: the value times a quotient of polynomials of its square; within one ULP."""
    x = node["input"]
    if x.dtype not in ("float16", "float32"):
        return node.refuse(f"Erf of {x.dtype or 'an unknown type'} has no form in opset 8")
    value: str = x if x.dtype == "float32" else tape.cast(x, "float32")
    near = tape.cast(tape.op("Clip", value, min=-_SATURATED, max=_SATURATED), "float64")
    square = tape.op("Mul", near, near)
    quotient = tape.op("Div", _polynomial(square, _ABOVE, tape), _polynomial(square, _BELOW, tape))
    rough = tape.op("Mul", tape.cast(value, "float64"), quotient)
    found = tape.op("Clip", tape.cast(rough, "float32"), min=-1.0, max=1.0)
    return found if x.dtype == "float32" else tape.cast(found, x.dtype)


def _polynomial(value: str, factors: Sequence[float], tape: Tape) -> str:
    found = tape.const(factors[-1], "float64")
    for factor in factors[-2::-1]:
        product = tape.op("Mul", value, found)
        found = tape.op("Add", product, tape.const(factor, "float64"))
    return found
