"""Greater and Less of 64 bits, which they take from opset 9 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.forms import FORMS
from pyonnxtool.downgrade.magnitude import fits

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@FORMS.add("Greater")
@FORMS.add("Less")
def _by_words(node: NodeView, tape: Tape, dtype: str) -> Decision | None:
    """The sign of how far the upper halves are apart, then the lower ones, in doubles."""
    if dtype not in ("int64", "uint64") or all(fits(one, "float64") for one in node.inputs):
        return None
    if any(one.const is not None and not one.const.any() for one in node.inputs):
        signs = (tape.cast(one, "float64") for one in node.inputs)  # a double keeps them
        return tape.op(node.op_type, *signs)
    half = tape.const(np.int64(1 << 32))
    upper, lower = [], []
    for one in node.inputs:
        value: str = one
        if dtype == "uint64":  # as many below zero as were above the middle
            lowest = tape.const(np.int64(np.iinfo(np.int64).min))
            value = tape.op("Add", tape.cast(one, "int64"), lowest)
        upper.append(tape.op("Div", value, half))
        lower.append(tape.op("Sub", value, tape.op("Mul", upper[-1], half)))
    coarse = tape.cast(tape.op("Sub", *upper), "float64")
    fine = tape.cast(tape.op("Sub", *lower), "float64")
    weighed = tape.op("Mul", coarse, tape.const(float(1 << 34), "float64"))
    apart = tape.op("Add", weighed, fine)
    return tape.op(node.op_type, apart, tape.const(0, "float64"))
