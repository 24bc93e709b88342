"""QLinearAdd and QLinearMul of com.microsoft."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._pairs import Pairs
from pyonnxtool.symbolics._quantized import (
    combined,
    dequantized,
    dtype_of,
    named,
    number,
    quantized,
    rounded,
)

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape
    from pyonnxtool.symbolics._pairs import Floats
    from pyonnxtool.symbolics._quantized import Number

_ONE = np.float32(1)
_PLACES = (0, 3)
"""Of the two tensors."""


@SYMBOLICS.add("com.microsoft::QLinearAdd")
def qlinear_add(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear, Add, QuantizeLinear; in units of the output's scale if that differs.

    Bit for bit what onnxruntime computes on processors that fuse multiplication and addition, when
    scales and zero points are known; else 1 sum of 200,000 may be off by one.
    """
    dtype = dtype_of(node.inputs[0], node.inputs[3], node.out())
    if dtype is None:
        return node.refuse_dynamic("the type of its operands")
    places = _PLACES[::-1] if _is_spread(node.inputs[0], node.inputs[3]) else _PLACES
    with np.errstate(all="ignore"):  # of any scales that there may be
        return _added(node, tape, Pairs.of(node, dtype, places), dtype)


def _is_spread(left: Operand, right: Operand) -> bool:
    """Whether each element of the first tensor goes with many of the second, as they are stored.

    onnxruntime's kernel swaps the two then.
    """
    ours, theirs = (reversed(one.shape or ()) for one in (left, right))
    for a, b in zip_longest(ours, theirs, fillvalue=1):
        if a != 1 or b != 1:
            return a == 1
    return False


def _added(node: NodeView, tape: Tape, pairs: Pairs | None, dtype: str) -> str:
    if pairs is None:
        scale = number(tape, node.inputs[6])
        left, right = (
            combined(tape, "Div", number(tape, node.inputs[place + 1]), scale) for place in _PLACES
        )
        return rounded(tape, _both(node, tape, "Add", left, right), node.arg(7), dtype)
    a, b = pairs.scales[:2]
    wanted = pairs.rounded(pairs.sums())
    if np.array_equal(pairs.quantized(pairs.left * a + pairs.right * b), wanted):
        return _plain(node, tape, "Add", dtype)
    found = pairs.in_units()
    if found is None:
        return _to_integers(tape, _by_tables(node, tape, pairs), dtype)
    value = _both(node, tape, "Add", *found[:2], pairs.places)
    if found[2]:
        value = tape.op("Add", value, tape.const(found[2]))
    return _to_integers(tape, value, dtype)


@SYMBOLICS.add("com.microsoft::QLinearMul")
def qlinear_mul(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear, Mul, QuantizeLinear; to integers, then times a ratio if that differs."""
    dtype = dtype_of(node.inputs[0], node.inputs[3], node.out())
    if dtype is None:
        return node.refuse_dynamic("the type of its operands")
    with np.errstate(all="ignore"):  # of any scales that there may be
        pairs = Pairs.of(node, dtype, _PLACES)
        if pairs is not None:
            plain = (pairs.left * pairs.scales[0]) * (pairs.right * pairs.scales[1])
            if np.array_equal(pairs.quantized(plain), pairs.rounded(pairs.products())):
                return _plain(node, tape, "Mul", dtype)
    both = combined(tape, "Mul", number(tape, node.inputs[1]), number(tape, node.inputs[4]))
    ratio = combined(tape, "Div", both, number(tape, node.inputs[6]))
    scaled = tape.op("Mul", _both(node, tape, "Mul", _ONE, _ONE), named(tape, ratio))
    return rounded(tape, scaled, node.arg(7), dtype)


def _both(
    node: NodeView,
    tape: Tape,
    op_type: str,
    left: Number,
    right: Number,
    places: tuple[int, int] = _PLACES,
) -> str:
    a, b = (
        dequantized(tape, node.inputs[place], scale, node.inputs[place + 2])
        for place, scale in zip(places, (left, right), strict=True)
    )
    return tape.op(op_type, a, b)


def _plain(node: NodeView, tape: Tape, op_type: str, dtype: str) -> str:
    left, right = (number(tape, node.inputs[place + 1]) for place in _PLACES)
    made = _both(node, tape, op_type, left, right)
    return quantized(tape, made, number(tape, node.inputs[6]), node.arg(7), dtype)


def _to_integers(tape: Tape, value: str, dtype: str) -> str:
    return tape.op("QuantizeLinear", value, tape.const(_ONE), tape.const(0, dtype))


def _by_tables(node: NodeView, tape: Tape, pairs: Pairs) -> str:
    """Sums of numbers that are looked up, as if they were rounded once.

    The first tensor's share has more bits than a float32: it is the sum of two. What is lost where
    the larger one is added is found as TwoSum does it (Knuth, TAOCP 2, 4.2.2) and added to the
    smaller one.
    """
    share = pairs.integers.astype(np.float64) * np.float64(pairs.ratios[0])
    large = share.astype(np.float32)
    small = (share - large).astype(np.float32)
    left, right = (node.inputs[place] for place in pairs.places)
    offset = _looked_up(tape, right, pairs.offset())
    first = _looked_up(tape, left, large)
    total = tape.op("Add", offset, first)
    back = tape.op("Sub", total, offset)
    lost = tape.op("Sub", offset, tape.op("Sub", total, back))
    lost = tape.op("Add", lost, tape.op("Sub", first, back))
    return tape.op("Add", total, tape.op("Add", lost, _looked_up(tape, left, small)))


def _looked_up(tape: Tape, value: Operand, numbers: Floats) -> str:
    """The number of each integer. Negative ones count from the end, as indices do."""
    zero = (len(numbers) // 2) if value.dtype == "int8" else 0
    table = tape.const(np.roll(numbers, -zero))
    return tape.op("Gather", table, tape.cast(value, "int32"), axis=0)
