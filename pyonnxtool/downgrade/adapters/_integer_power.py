"""Powers of integers by squaring, which wrap as the integers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._repeated import repeated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.tape import Tape


def integer_power(base: str, exponent: str, rank: int | None, tape: Tape) -> str:
    """Of int64 values and their common rank, by a Loop with a turn for each bit of the exponent.

    A negative exponent leaves what is left of a fraction: one or minus one of such a base, else
    zero.
    """
    zero, one = tape.const(np.int64(0)), tape.const(np.int64(1))
    size = tape.op("Abs", exponent)
    square = tape.op("Add", base, tape.op("Sub", exponent, exponent))
    left = tape.op("Add", size, tape.op("Sub", base, base))
    product = tape.op("Add", tape.op("Sub", square, square), one)

    def turn(body: Tape, given: Sequence[str]) -> tuple[str, Sequence[str]]:
        product, square, left = given
        half = body.op("Div", left, body.const(np.int64(2)))
        odd = body.op("Sub", left, body.op("Add", half, half))
        excess = body.op("Mul", odd, body.op("Sub", square, body.const(np.int64(1))))
        product = body.op("Mul", product, body.op("Add", excess, body.const(np.int64(1))))
        again = body.op("Greater", half, body.const(np.int64(0)))
        return again, [product, body.op("Mul", square, square), half]

    found = repeated([product, square, left], "int64", rank, 64, turn, tape)
    fraction = tape.op(
        "And", tape.op("Less", exponent, zero), tape.op("Greater", tape.op("Abs", base), one)
    )
    return tape.op("Where", fraction, zero, found)
