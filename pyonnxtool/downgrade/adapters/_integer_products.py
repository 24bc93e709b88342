"""Sums of products of 8-bit integers as products of floats, exact however long the sums are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pyonnxtool.downgrade.adapters._quantized import RANGES, in_float32, is_zero

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

Product: TypeAlias = "Callable[[str, str], str]"

_EXACT = 2**24
"""Integers up to this are exact in float32, and so are sums that never leave them."""
_BASE = 16


@dataclass(frozen=True)
class Factor:
    """One side of a product, its zero point taken off."""

    value: str
    """In float32."""
    largest: int
    """Its largest absolute value."""
    sums: int | None
    """Largest sum of absolute values that goes into one element; None: not known."""
    terms: int | None
    """So many products are summed for one element; None: not known."""


def factor(
    operand: Operand,
    zero: Operand,
    placed: str,
    terms: int | None,
    summed: tuple[int, ...],
    tape: Tape,
) -> Factor:
    """The operand without its zero point, which lies as `placed`; `summed` are axes of sums."""
    value = tape.cast(operand, "float32")
    if not is_zero(zero):
        placed = in_float32(zero, tape) if placed == zero else tape.cast(placed, "float32")
        value = tape.op("Sub", value, placed)
    low, high = RANGES.get(operand.dtype or "", (-255, 255))
    off = None if zero and zero.const is None else zero.const if zero else np.zeros(1)
    ends = (low, high) if off is None or not off.size else (int(off.min()), int(off.max()))
    largest = high - low if off is None else max(high - ends[0], ends[1] - low)
    known = operand.const
    sums = None if terms is None else terms * largest
    if known is not None and known.size:
        most = max(abs(ends[0]), abs(ends[1])) * (terms or 0)
        found = int(np.abs(known.astype(np.int64)).sum(summed).max(initial=0)) + most
        sums = found if sums is None else min(sums, found)
    return Factor(value, largest, sums, terms)


def exact_product(x: Factor, w: Factor, product: Product, tape: Tape) -> tuple[str, str] | None:
    """The product and its dtype: float32 where every sum is exact in it, else int32.

    Long sums are put together of products of digits to the base 16. None where even those are
    too long, or it is not known how long they are.
    """
    if w.sums is None or w.terms is None:
        return None
    if x.largest * w.sums <= _EXACT:
        return product(x.value, w.value), "float32"
    parts = [_digits(x, tape)]
    digit = -(-x.largest // _BASE)
    if max(digit, _BASE) * w.sums <= _EXACT:
        high, low = (tape.cast(product(one, w.value), "int32") for one in parts[0])
        return _joined(high, low, tape), "int32"
    if max(digit, _BASE) * _BASE * w.terms > _EXACT:
        return None
    parts.append(_digits(w, tape))
    rows = []
    for one in parts[1]:
        high, low = (tape.cast(product(other, one), "int32") for other in parts[0])
        rows.append(_joined(high, low, tape))
    return _joined(rows[0], rows[1], tape), "int32"


def _digits(one: Factor, tape: Tape) -> tuple[str, str]:
    base = tape.const(_BASE, "float32")
    high = tape.op("Floor", tape.op("Div", one.value, base))
    return high, tape.op("Sub", one.value, tape.op("Mul", high, base))


def _joined(high: str, low: str, tape: Tape) -> str:
    return tape.op("Add", tape.op("Mul", high, tape.const(_BASE, "int32")), low)


def columns(operand: Operand, zero: Operand, tape: Tape) -> str:
    """Zero points of rows, so that they lie along the rows of the first factor."""
    if zero.rank == 1 and zero.static_shape != (1,) and (operand.rank or 0) > 1:
        return tape.op("Unsqueeze", zero, axes=[1])
    return zero


def filters(operand: Operand, weights: Operand, tape: Tape) -> str:
    """Zero points of filters, so that they lie along the first axis of the weights."""
    if operand.rank == 1 and weights.rank is not None and not is_zero(operand):
        return tape.op("Reshape", operand, tape.ints([-1] + [1] * (weights.rank - 1)))
    return operand


def convolution(node: NodeView, tape: Tape) -> Product:
    """Conv with the attributes of the node."""
    names = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
    given = {name: node.attributes[name] for name in names if name in node.attributes}

    def product(x: str, w: str) -> str:
        made: str = tape.many("Conv", x, w, outputs=1, **given)[0]
        return made

    return product
