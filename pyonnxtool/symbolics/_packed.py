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
    shifts = np.arange(0, _BYTE, bits, dtype=np.uint8)
    parts = (packed.astype(np.uint8)[..., None] >> shifts) & np.uint8(2**bits - 1)
    return parts.reshape(*packed.shape[:-1], packed.shape[-1] * len(shifts))


def joined(integers: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """The way back: bytes of the integers along the last axis, whose size is a multiple."""
    shifts = np.arange(0, _BYTE, bits, dtype=np.uint8)
    parts = integers.reshape(*integers.shape[:-1], -1, len(shifts)) << shifts
    made: NDArray[np.uint8] = np.bitwise_or.reduce(parts, axis=-1).astype(np.uint8)
    return made


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
