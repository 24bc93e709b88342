"""Shifts of integers as products with, and quotients by, powers of two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._digits import room_for, widened
from pyonnxtool.downgrade.dtypes import bits_of
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


def shifted(node: NodeView, dtype: str, tape: Tape) -> str:
    """The result of BitShift as opset 28 has it, in nodes that opset 10 has too.

    Arithmetic for signed types. An amount that is negative, or not less than the width, leaves
    what extending the sign leaves: zero, or minus one of a negative value to the right.
    """
    left, bits = node.attr_str("direction") == "LEFT", bits_of(dtype)
    logical = not left and dtype == "uint64"
    wide = dtype if logical else room_for(dtype)
    value: str = node["X"]
    if wide != dtype:
        value = widened(node["X"], dtype, node["X"].const, tape)
    amounts = _Amounts(node["Y"], bits, bits if left or dtype.startswith("u") else bits - 1, tape)
    powers = [1 << amount for amount in range(bits)]
    if left:
        found = tape.op("Mul", value, amounts.of([*powers, 0], wide))
    elif logical:
        quotient = tape.op("Div", value, amounts.of([*powers, 1], wide))
        found = tape.op("Mul", quotient, amounts.of([1] * bits + [0], wide))
    elif dtype.startswith("u"):
        found = tape.op("Div", value, amounts.of([*powers, 1 << bits], wide))
    else:
        found = _floored(
            value, amounts.of([*powers[:62], *(1 << 62 for _ in powers[62:])], wide), tape
        )
        if bits == 64:
            found = _floored(found, amounts.of([1] * 63 + [2], wide), tape)
    return found if wide == dtype else tape.cast(found, dtype)


def _floored(value: str, divisor: str, tape: Tape) -> str:
    """Div rounds towards zero."""
    rest = tape.op("Mod", value, divisor)
    return tape.op("Div", tape.op("Sub", value, rest), divisor)


class _Amounts:
    """By how much to shift: a number from 0 to the width, or another for what is no such number."""

    def __init__(self, operand: Operand, bits: int, beyond: int, tape: Tape) -> None:
        self._tape = tape
        known = operand.const
        self._known = None
        if known is not None:
            wrong = (known < 0) | (known >= bits)
            self._known = np.where(wrong, beyond, known).astype(np.int64)
            return
        amount = operand if operand.dtype == "int64" else tape.cast(operand, "int64")
        low, high = tape.const(np.int64(0)), tape.const(np.int64(bits - 1))
        outside = tape.op("Or", tape.op("Less", amount, low), tape.op("Greater", amount, high))
        self._index = tape.op("Where", outside, tape.const(np.int64(beyond)), amount)

    def of(self, table: Sequence[int], dtype: str) -> str:
        """The entry of a table for each amount; entries wrap into the dtype."""
        entries = np.array([one % (1 << 64) for one in table], np.uint64).astype(numpy_dtype(dtype))
        if self._known is not None:
            return self._tape.const(entries[self._known])
        return self._tape.op("Gather", self._tape.const(entries), self._index, axis=0)
