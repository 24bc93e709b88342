"""Pow from 12 to 11: base and exponent of one float type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._integer_power import integer_power
from pyonnxtool.downgrade.dtypes import holds, is_integer
from pyonnxtool.downgrade.magnitude import bits_needed, fits
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_CHAIN = 8
"""Powers of integers up to this one are products."""


@ADAPTERS.add(("Pow", 12))
def of_one_type(node: NodeView, tape: Tape) -> Decision:
    """12 -> 11: both operands in one float type that holds them; products for integers."""
    x, y = node["X"], node["Y"]
    if x.dtype is None or y.dtype is None:
        return node.refuse("the element type of an operand is not known")
    power = _small_power(y)
    if is_integer(x.dtype) and power is not None:
        return _product(x, power, tape)
    if x.dtype == y.dtype and not is_integer(x.dtype):
        return KEEP
    if is_integer(x.dtype) and is_integer(y.dtype) and not _exact_in_double(x, y):
        exponent = y if y.dtype == "int64" else tape.cast(y, "int64")
        return integer_power(x, exponent, node.out().rank, tape)
    known = y.const
    wide = "float64"
    if not is_integer(x.dtype):
        both = holds("float32", x.dtype) and (holds("float32", y.dtype) or fits(y, "float32"))
        wide = "float32" if both else "float64"
    base = x if x.dtype == wide else tape.cast(x, wide)
    exponent = tape.cast(y, wide) if known is None else tape.const(known.astype(wide))
    made = tape.op("Pow", base, y if y.dtype == wide else exponent)
    return made if x.dtype == wide else tape.cast(made, x.dtype)


def _small_power(exponent: Operand) -> int | None:
    known = exponent.const
    if known is None or known.size != 1 or known.ndim or known.dtype.kind not in "iuf":
        return None
    value = known.reshape(())
    return int(value) if value == np.floor(value) and 1 <= value <= _CHAIN else None


def _product(x: Operand, power: int, tape: Tape) -> Decision:
    """By squaring; it wraps as the integers do."""
    found: str | None = None
    square: str = x
    while power:
        if power & 1:
            found = square if found is None else tape.op("Mul", found, square)
        power >>= 1
        if power:
            square = tape.op("Mul", square, square)
    assert found is not None
    return found


def _exact_in_double(x: Operand, y: Operand) -> bool:
    """Powers of 32 bits and less that are in range are; of longer ones where that is certain."""
    if x.dtype == "int32":
        return True
    bits, known = bits_needed(x), y.const
    if bits is None or known is None or not known.size:
        return False
    return bits * max(int(known.max()), 1) <= 53
