"""Integers of 2, 4 or 8 bits that are packed into bytes, low bits first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

WIDTHS = (2, 4, 8)
_BYTE = 8


def split(packed: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """The integers of each byte along the last axis, which gets 8 / bits times as long."""
    if bits == _BYTE:
        return packed.astype(np.uint8)
    count, mask = _BYTE // bits, np.uint8(2**bits - 1)
    parts = np.empty((*packed.shape, count), np.uint8)
    for place in range(count):
        np.bitwise_and(packed >> np.uint8(place * bits), mask, out=parts[..., place])
    return parts.reshape(*packed.shape[:-1], packed.shape[-1] * count)


def split_at_run_time(tape: Tape, packed: str, rank: int, bits: int) -> str:
    """As `split`, of a value whose rank is known.

    Shifts to the left take off what is above, as no opset below 18 masks bits.
    """
    if bits == _BYTE:
        return packed
    parts = []
    for place in range(0, _BYTE, bits):
        above = tape.op("BitShift", packed, _shift(tape, _BYTE - bits - place), direction="LEFT")
        part = tape.op("BitShift", above, _shift(tape, _BYTE - bits), direction="RIGHT")
        parts.append(tape.op("Unsqueeze", part, tape.ints([rank])))
    together = tape.op("Concat", *parts, axis=rank)
    return tape.op("Reshape", together, tape.ints([0] * (rank - 1) + [-1]))


def _shift(tape: Tape, by: int) -> str:
    return tape.const(np.array(by, np.uint8))


def flat_split(tape: Tape, packed: Operand, rows: int, bits: int) -> str | NDArray[np.uint8]:
    """A tensor of bytes as `rows` rows of integers: an array where it is known, else a value."""
    known = packed.const
    if known is not None:
        return split(known.reshape(rows, -1), bits)
    return split_at_run_time(tape, tape.op("Reshape", packed, tape.ints([rows, -1])), 2, bits)
