"""Products of integers in com.microsoft: scaled, quantized when the model runs, of 16 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._quantized import (
    combined,
    dtype_of,
    named,
    number,
    numbers,
    quantized,
)

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape
    from pyonnxtool.symbolics._quantized import Number


@SYMBOLICS.add("com.microsoft::MatMulIntegerToFloat")
def mat_mul_integer_to_float(node: NodeView, tape: Tape) -> Decision:
    """MatMulInteger, times both scales, plus the bias."""
    a, b, a_scale, b_scale = node.inputs[:4]
    total = tape.op("MatMulInteger", a, b, node.arg(4), node.arg(5))
    dtype = dtype_of(a_scale, b_scale, node.out())
    if dtype == "float32":
        scale = combined(tape, "Mul", number(tape, a_scale), numbers(tape, b_scale))
        return _floats(tape, total, scale, node.arg(6))
    if dtype is None:
        return node.refuse_dynamic("the type of its scales")
    wide = tape.op("Mul", tape.cast(a_scale, "float32"), tape.cast(b_scale, "float32"))
    bias = tape.cast(node.arg(6), "float32") if node.arg(6) else ""
    return tape.cast(_floats(tape, total, wide, bias), dtype)


@SYMBOLICS.add("com.microsoft::DynamicQuantizeMatMul")
def dynamic_quantize_mat_mul(node: NodeView, tape: Tape) -> Decision:
    """DynamicQuantizeLinear, MatMulInteger, times both scales, plus the bias."""
    a, b, b_scale = node.inputs[:3]
    integers, scale, zero = tape.many("DynamicQuantizeLinear", a, outputs=3)
    total = tape.op("MatMulInteger", integers, b, zero, node.arg(3))
    both = combined(tape, "Mul", scale, numbers(tape, b_scale))
    return _floats(tape, total, both, node.arg(4))


def _floats(tape: Tape, total: str, scale: Number, bias: str) -> str:
    made = tape.op("Mul", tape.cast(total, "float32"), named(tape, scale))
    return tape.op("Add", made, bias) if bias else made


@SYMBOLICS.add("com.microsoft::QGemm")
def qgemm(node: NodeView, tape: Tape) -> Decision:
    """MatMulInteger, plus C, times the scales, QuantizeLinear."""
    a, a_scale, a_zero, b, b_scale, b_zero = node.inputs[:6]
    left = tape.op("Transpose", a, perm=[1, 0]) if node.attr_int("transA", 0) else a
    right = tape.op("Transpose", b, perm=[1, 0]) if node.attr_int("transB", 0) else b
    total = tape.op("MatMulInteger", left, right, a_zero, b_zero)
    if node.arg(6):
        total = tape.op("Add", total, node.arg(6))
    alpha = np.float32(node.attr_float("alpha", 1.0))
    scale = combined(tape, "Mul", alpha, number(tape, a_scale))
    scale = combined(tape, "Mul", scale, numbers(tape, b_scale))
    if not node.arg(7):
        return _floats(tape, total, scale, "")
    dtype = dtype_of(node.arg(8), node.out(), a)
    if dtype is None:
        return node.refuse_dynamic("the type of its output")
    scale = combined(tape, "Div", scale, number(tape, node.arg(7)))
    return quantized(tape, _floats(tape, total, scale, ""), np.float32(1), node.arg(8), dtype)


@SYMBOLICS.add("com.microsoft::MatMulInteger16")
def mat_mul_integer_16(node: NodeView, tape: Tape) -> Decision:
    """MatMul in 32 bits."""
    a, b = node.inputs[:2]
    dtypes = {a.dtype, b.dtype}
    if None in dtypes:
        return node.refuse_dynamic("the type of its operands")
    dtype = node.out().dtype or ("uint32" if dtypes == {"uint16"} else "int32")
    return tape.op("MatMul", tape.cast(a, dtype), tape.cast(b, dtype))


@SYMBOLICS.add("com.microsoft::MulInteger")
def mul_integer(node: NodeView, tape: Tape) -> Decision:
    """Sub and Mul in 32 bits."""
    left = _above_zero(tape, node.inputs[0], node.inputs[1])
    return tape.op("Mul", left, _above_zero(tape, node.inputs[2], node.arg(3)))


def _above_zero(tape: Tape, value: Operand, zero: Operand) -> str:
    wide = tape.cast(value, "int32")
    return tape.op("Sub", wide, tape.cast(zero, "int32")) if zero else wide


@SYMBOLICS.add("com.microsoft::ReduceSumInteger")
def reduce_sum_integer(node: NodeView, tape: Tape) -> Decision:
    """ReduceSum in 32 bits."""
    dtype = node.out().dtype or ("uint32" if node.inputs[0].dtype == "uint8" else "int32")
    total = tape.op(
        "ReduceSum",
        tape.cast(node.inputs[0], "int32"),
        tape.ints(node.attr_ints("axes", ()) or ()),
        keepdims=node.attr_int("keepdims", 1),
    )
    return total if dtype == "int32" else tape.cast(total, dtype)
