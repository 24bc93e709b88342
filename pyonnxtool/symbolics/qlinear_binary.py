"""QLinearAdd and QLinearMul of com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._quantized import (
    combined,
    dequantized,
    dtype_of,
    named,
    number,
    rounded,
)

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::QLinearAdd")
def qlinear_add(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear in units of the output's scale, Add and QuantizeLinear.

    onnxruntime multiplies by the ratios of the scales too; where the processor has fused
    multiplication and addition it rounds once less, so 1 sum of 200,000 is off by one.
    """
    dtype = dtype_of(node.inputs[0], node.inputs[3], node.out())
    if dtype is None:
        return node.refuse_dynamic("the type of its operands")
    scale = number(tape, node.inputs[6])
    a, b = (
        dequantized(
            tape,
            node.inputs[place],
            combined(tape, "Div", number(tape, node.inputs[place + 1]), scale),
            node.inputs[place + 2],
        )
        for place in (0, 3)
    )
    return rounded(tape, tape.op("Add", a, b), node.arg(7), dtype)


@SYMBOLICS.add("com.microsoft::QLinearMul")
def qlinear_mul(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear to integers, Mul, once more by the ratio of the scales, QuantizeLinear."""
    dtype = dtype_of(node.inputs[0], node.inputs[3], node.out())
    if dtype is None:
        return node.refuse_dynamic("the type of its operands")
    one = np.float32(1)
    a, b = (dequantized(tape, node.inputs[place], one, node.inputs[place + 2]) for place in (0, 3))
    both = combined(tape, "Mul", number(tape, node.inputs[1]), number(tape, node.inputs[4]))
    ratio = combined(tape, "Div", both, number(tape, node.inputs[6]))
    scaled = tape.op("Mul", tape.op("Mul", a, b), named(tape, ratio))
    return rounded(tape, scaled, node.arg(7), dtype)
