"""Scales and zero points of quantized operators, and the way from integers to floats and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

Number: TypeAlias = "np.float32 | NDArray[np.float32] | str"
"""A float32 (or one a column) that is known, or what holds it when the model runs."""


def number(tape: Tape, operand: Operand) -> Number:
    """A scale, which is one number, whatever its rank."""
    known = operand.const
    return np.float32(known.item()) if known is not None else _scalar(tape, operand)


def numbers(tape: Tape, operand: Operand) -> Number:
    """A scale that may be one number a column."""
    known = operand.const
    if known is None:
        return operand
    return np.float32(known.item()) if known.size == 1 else known.astype(np.float32)


def named(tape: Tape, value: Number) -> str:
    """The name of a value that holds the number."""
    return value if isinstance(value, str) else tape.const(np.array(value, np.float32))


def combined(tape: Tape, op_type: str, left: Number, right: Number) -> Number:
    """Div or Mul of two numbers, in float32."""
    if isinstance(left, str) or isinstance(right, str):
        return tape.op(op_type, named(tape, left), named(tape, right))
    with np.errstate(all="ignore"):
        found = np.divide(left, right) if op_type == "Div" else np.multiply(left, right)
    return np.asarray(found, np.float32)


def zero_point(tape: Tape, operand: Operand) -> str | None:
    """A zero point, which is one integer, whatever its rank; None when it is omitted."""
    if not operand:
        return None
    known = operand.const
    return tape.const(known.reshape(())) if known is not None else _scalar(tape, operand)


def dequantized(tape: Tape, value: str, scale: Number, zero: Operand) -> str:
    """`(value - zero) * scale`, in float32."""
    return tape.op("DequantizeLinear", value, named(tape, scale), zero_point(tape, zero))


def quantized(tape: Tape, value: str, scale: Number, zero: Operand, dtype: str) -> str:
    """`round(value / scale) + zero` of `dtype`, saturated."""
    place = zero_point(tape, zero) or tape.const(0, dtype)
    return tape.op("QuantizeLinear", value, named(tape, scale), place)


def rounded(tape: Tape, value: str, zero: Operand, dtype: str) -> str:
    """`round(value + zero)` of `dtype`, saturated.

    What onnxruntime's own kernels do: halves go to the even of the sum, which QuantizeLinear only
    does for an even zero point, as it adds that after it has rounded.
    """
    known = zero.const if zero else np.zeros(())
    if known is None:
        value = tape.op("Add", value, tape.cast(_scalar(tape, zero), "float32"))
    elif known.item():
        value = tape.op("Add", value, tape.const(np.float32(known.item())))
    return tape.op("QuantizeLinear", value, tape.const(np.float32(1)), tape.const(0, dtype))


def dtype_of(*operands: Operand) -> str | None:
    """The first type that is known; all of them are of one type."""
    return next((one.dtype for one in operands if one and one.dtype is not None), None)


def same(*pairs: Sequence[Operand]) -> bool:
    """Whether the operands of each pair are known and equal; one that is omitted is 0."""
    for left, right in pairs:
        ours = left.const if left else np.zeros(())
        theirs = right.const if right else np.zeros(())
        if ours is None or theirs is None or ours.item() != theirs.item():
            return False
    return True


def _scalar(tape: Tape, operand: Operand) -> str:
    return operand if operand.rank == 0 else tape.op("Reshape", operand, tape.ints([]))
