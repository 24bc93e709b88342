"""Operands of one element, whatever their rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


def scalar(tape: Tape, operand: Operand) -> str:
    """The only element, without axes; "" for an operand that is omitted."""
    if not operand or operand.rank == 0:
        return operand
    known = operand.const
    if known is not None:
        return tape.const(np.reshape(known, ()))
    return tape.op("Reshape", operand, tape.ints([]))
