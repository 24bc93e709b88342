"""The remainder of floats as C's fmod has it, without a rounding: by repeated subtraction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._repeated import repeated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.tape import Tape

_MOST_TURNS = 4096
"""More than exponents of doubles are apart; a loop ends when no element needs another turn."""


def float_remainder(a: str, b: str, dtype: str, rank: int | None, tape: Tape) -> str:
    """Of values of `dtype` and their common rank; in nodes of opset 9.

    A quotient of n bits takes n turns of two loops. Each subtracts from a number one that is at
    least half as large, which is exact.
    """
    zero = tape.const(0, dtype)
    sizes = [tape.op("Abs", one) for one in (a, b)]
    spread = tape.op("Mul", tape.cast(tape.op("Less", *sizes), dtype), zero)
    finite = tape.op("Less", sizes[0], tape.const(np.inf, dtype))
    value = tape.op("Add", tape.op("Where", finite, sizes[0], zero), spread)
    some = tape.op("Greater", sizes[1], zero)
    divisor = tape.op("Add", tape.op("Where", some, sizes[1], tape.const(1, dtype)), spread)
    multiple = _largest_multiple(value, divisor, dtype, rank, tape)
    rest = _subtracted(value, multiple, divisor, dtype, rank, tape)
    signed = tape.op("Where", tape.op("Less", a, zero), tape.op("Neg", rest), rest)
    no_number = tape.op("Add", tape.op("Mul", a, zero), tape.op("Div", zero, b))
    return tape.op("Add", signed, no_number)  # zero, or NaN where an operand wants that


def _largest_multiple(value: str, divisor: str, dtype: str, rank: int | None, tape: Tape) -> str:
    """The divisor times the largest power of two with which it is not above the value."""

    def turn(body: Tape, given: Sequence[str]) -> tuple[str, Sequence[str]]:
        (multiple,) = given
        twice = body.op("Add", multiple, multiple)
        below = body.op("Not", body.op("Greater", twice, value))
        return below, [body.op("Where", below, twice, multiple)]

    return repeated([divisor], dtype, rank, _MOST_TURNS, turn, tape)


def _subtracted(
    value: str, multiple: str, divisor: str, dtype: str, rank: int | None, tape: Tape
) -> str:
    def turn(body: Tape, given: Sequence[str]) -> tuple[str, Sequence[str]]:
        rest, multiple = given
        small = body.op("Less", rest, multiple)
        rest = body.op("Where", small, rest, body.op("Sub", rest, multiple))
        half = body.op("Mul", multiple, body.const(0.5, dtype))
        larger = body.op("Greater", multiple, divisor)
        multiple = body.op("Where", larger, half, multiple)
        return body.op("Not", body.op("Less", rest, divisor)), [rest, multiple]

    return repeated([value, multiple], dtype, rank, _MOST_TURNS, turn, tape)
