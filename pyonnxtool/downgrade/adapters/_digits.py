"""Integers computed bit by bit with the arithmetic that old opsets have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.dtypes import bits_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.tape import Tape

_BITS = 4
"""Of one digit: an And of two digits is one of 256."""


def room_for(dtype: str) -> str:
    """The type to compute in, which runtimes have kernels for."""
    return "int32" if bits_of(dtype) <= 16 else "int64"


def widened(value: str, dtype: str, known: NDArray[np.int64] | None, tape: Tape) -> str:
    """The value in that type; unsigned ones of 64 bits keep their bits, not their sign."""
    wide = room_for(dtype)
    if wide == dtype:
        return value
    return tape.cast(value, wide) if known is None else tape.const(known.astype(wide))


def common_bits(a: str, b: str, dtype: str, tape: Tape) -> str:
    """The bits that both have, of values in `room_for(dtype)`, as values of that type.

    For opset 17 and below. Bits above those of `dtype` are zero.
    """
    wide, bits = room_for(dtype), bits_of(dtype)
    if bits < 64:
        modulus = tape.const(1 << bits, wide)
        low = [tape.op("Mod", one, modulus) for one in (a, b)]
        return _of_digits(low[0], low[1], wide, bits, tape)
    lowest = tape.const(np.iinfo(np.int64).min)
    zero = tape.const(0, wide)
    negative = [tape.op("Less", one, zero) for one in (a, b)]
    low = [
        tape.op("Where", sign, tape.op("Sub", one, lowest), one)
        for sign, one in zip(negative, (a, b), strict=True)
    ]
    found = _of_digits(low[0], low[1], wide, bits, tape)
    signed = tape.op("Add", found, lowest)
    return tape.op("Where", tape.op("And", *negative), signed, found)


def _of_digits(a: str, b: str, wide: str, bits: int, tape: Tape) -> str:
    """Pre: no value is negative."""
    base = 1 << _BITS
    values = [base**place for place in range(-(-bits // _BITS))]
    places = tape.const(values, wide)
    digits = []
    for one in (a, b):
        column = tape.op("Unsqueeze", one, tape.ints([-1]))
        digits.append(tape.op("Mod", tape.op("Div", column, places), tape.const(base, wide)))
    pair = tape.op("Add", tape.op("Mul", digits[0], tape.const(base, wide)), digits[1])
    table = np.bitwise_and.outer(np.arange(base), np.arange(base)).ravel()
    common = tape.op("Gather", tape.const(table, wide), pair, axis=0)
    column = tape.const(np.array(values)[:, None], wide)  # onnxruntime: no list times no elements
    return tape.op("Squeeze", tape.op("MatMul", common, column), tape.ints([-1]))
