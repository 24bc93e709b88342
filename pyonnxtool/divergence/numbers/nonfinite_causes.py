"""Why a node made a NaN or an infinity: its operands at that place, in a few words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.divergence.compare import Array, dtype_of

if TYPE_CHECKING:
    from pyonnxtool._core import Node

_SIGNS = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "Pow": "^", "Mod": "mod"}
_ELEMENTWISE = frozenset(
    [
        *("Sqrt", "Log", "Exp", "Reciprocal", "Acos", "Asin", "Atanh", "Acosh", "Cosh", "Sinh"),
        *("Tan", "Softplus", "Erf", "Gelu", "Elu", "Selu", "Celu", "Sigmoid", "Tanh", "Neg", "Abs"),
        *("Cast", "CastLike"),
    ]
)
_OUTSIDE: dict[str, Callable[[float], bool]] = {
    "Sqrt": lambda x: x < 0,
    "Log": lambda x: x <= 0,
    "Acos": lambda x: abs(x) > 1,
    "Asin": lambda x: abs(x) > 1,
    "Atanh": lambda x: abs(x) >= 1,
    "Acosh": lambda x: x < 1,
    "Reciprocal": lambda x: x == 0,
}
_SUMS = ("MatMul", "Gemm", "Conv", "ConvTranspose", "Einsum", "FusedMatMul", "FusedConv")


def cause(node: Node, operands: Sequence[Array | None], made: Array, index: tuple[int, ...]) -> str:
    """For example "0 / 0", "Sqrt of -3.1e-08", "Exp of 104.2 overflows float32".

    `operands` are what the node read, by slot; `index` is the place in its output `made`.
    """
    given = [operand for operand in operands if operand is not None]
    if not given or given[0].dtype.kind in "OUS":
        return ""
    result = float(np.real(made[index]))
    op = node.op_type
    if op in _SIGNS and len(given) == 2:
        return _binary(op, given, made, index, result)
    if op in _ELEMENTWISE and given[0].shape == made.shape:
        return _unary(op, given[0], made, index, result)
    return _of_many(node, given, made, index, result)


def _of_many(
    node: Node, given: Sequence[Array], made: Array, index: tuple[int, ...], result: float
) -> str:
    """Operators that compute an element from many."""
    op = node.op_type
    if given[0].size == 0:
        return f"{op} of no elements"
    if op in ("Softmax", "LogSoftmax"):
        return _softmax(node, given[0], index)
    if op == "BatchNormalization" and len(given) == 5 and np.min(given[4]) < 0:
        return f"a variance of {_number(np.min(given[4]))}"
    return (_products if op in _SUMS else _overall)(op, given, made, result)


def _binary(
    op: str, given: Sequence[Array], made: Array, index: tuple[int, ...], result: float
) -> str:
    left, right = (_at(operand, made.shape, index) for operand in given)
    text = f"{_number(left)} {_SIGNS[op]} {_number(right)}"
    divided = (op in ("Div", "Mod") and right == 0) or (op == "Pow" and left == 0)
    if math.isinf(result) and math.isfinite(left) and math.isfinite(right) and not divided:
        return f"{text} overflows {dtype_of(made)}"
    return text


def _unary(op: str, given: Array, made: Array, index: tuple[int, ...], result: float) -> str:
    operand = float(np.real(given[index]))
    if op in ("Cast", "CastLike"):
        return f"{_number(operand)} does not fit {dtype_of(made)}"
    outside = op in _OUTSIDE and _OUTSIDE[op](operand)
    fits = outside or math.isnan(result) or not math.isfinite(operand)
    return f"{op} of {_number(operand)}" + ("" if fits else f" overflows {dtype_of(made)}")


def _softmax(node: Node, given: Array, index: tuple[int, ...]) -> str:
    axis = node.attributes.get("axis", -1)
    row = np.moveaxis(given, axis, -1)[
        tuple(i for place, i in enumerate(index) if place != axis % given.ndim)
    ].astype(np.float64)
    if np.isneginf(row).all():
        return f"{node.op_type} of a row in which everything is -Inf"
    if np.isposinf(row).any():
        return f"{node.op_type} of a row that holds +Inf"
    return f"{node.op_type} of a row from {_number(np.min(row))} to {_number(np.max(row))}"


def _products(op: str, given: Sequence[Array], made: Array, result: float) -> str:
    held = {kind for operand in given for kind in _infinities(operand)}
    if held and math.isnan(result):
        zero = any((operand == 0).any() for operand in given)
        both = "+Inf and -Inf" if len(held) == 2 else "infinities"
        return f"{op} sums products of {both}" + (" and of zeros" if zero else "")
    sizes = [_largest(operand) for operand in given[:2]]
    told = " and ".join(_number(size) for size in sizes)
    return f"{op} sums products of factors up to {told}: overflows {dtype_of(made)}"


def _overall(op: str, given: Sequence[Array], made: Array, result: float) -> str:
    first = given[0]
    held = _infinities(first)
    if held:
        return f"{op} of {' and '.join(sorted(held))}"
    numbers = first.astype(np.float64)
    span = f"{op} of numbers from {_number(np.nanmin(numbers))} to {_number(np.nanmax(numbers))}"
    return span + (f" overflows {dtype_of(made)}" if math.isinf(result) else "")


def _infinities(operand: Array) -> set[str]:
    if operand.dtype.kind in "biuOUS":
        return set()
    wide = operand.astype(np.float64, copy=False)
    return {
        text for text, test in (("+Inf", np.isposinf), ("-Inf", np.isneginf)) if test(wide).any()
    }


def _largest(operand: Array) -> float:
    return float(np.max(np.abs(operand.astype(np.float64)), initial=0.0))


def _at(operand: Array, shape: tuple[int, ...], index: tuple[int, ...]) -> float:
    return float(np.real(np.broadcast_to(operand, shape)[index]))


def _number(value: Any) -> str:
    """`0`, `104.2`, `-3.1e-08`, `71,000`, `+Inf`."""
    value = float(value)
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2g}"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
