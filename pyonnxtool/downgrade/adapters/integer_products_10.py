"""ConvInteger, MatMulInteger, QLinearConv and QLinearMatMul from 10 to 9, where they are not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._integer_products import (
    columns,
    convolution,
    exact_product,
    factor,
    filters,
)
from pyonnxtool.downgrade.adapters._quantized import half_to_even, in_float32, is_zero, saturated

if TYPE_CHECKING:
    from pyonnxtool.rewriting import Refusal
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_Scale: TypeAlias = "tuple[str, list[int] | None]"
"""Name of an operand, and the shape in which one of one axis lies over the sums."""


@ADAPTERS.add(("ConvInteger", 10))
def conv_integer(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: Conv of floats, of digits where sums would be too long to be exact."""
    found = _convolved(node, node["x"], node["x_zero_point"], node["w"], node["w_zero_point"], tape)
    return _whole(found, tape) if isinstance(found, tuple) else found


@ADAPTERS.add(("MatMulInteger", 10))
def matmul_integer(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: MatMul of floats, of digits where sums would be too long to be exact."""
    a, b = (node["A"], node["a_zero_point"]), (node["B"], node["b_zero_point"])
    found = _multiplied(node, a, b, tape)
    return _whole(found, tape) if isinstance(found, tuple) else found


@ADAPTERS.add(("QLinearConv", 10))
def qlinear_conv(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: Conv of floats, exact, then scaled and rounded as onnxruntime does."""
    found = _convolved(node, node["x"], node["x_zero_point"], node["w"], node["w_zero_point"], tape)
    if not isinstance(found, tuple):
        return found
    rank = node["w"].rank
    if node["B"]:
        if rank is None:
            return node.refuse_dynamic("the rank of the weights")
        bias = tape.op("Reshape", node["B"], tape.ints([-1] + [1] * (rank - 2)))
        found = tape.op("Add", _whole(found, tape), bias), "int32"
    channels = [-1] + [1] * ((rank or 2) - 2)
    return _requantized(node, found, ("x_scale", [1]), ("w_scale", channels), tape)


@ADAPTERS.add(("QLinearMatMul", 10))
def qlinear_matmul(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: MatMul of floats, exact, then scaled and rounded as onnxruntime does."""
    a, b = (node["a"], node["a_zero_point"]), (node["b"], node["b_zero_point"])
    found = _multiplied(node, a, b, tape)
    if not isinstance(found, tuple):
        return found
    rows = [-1, 1] if node["a_scale"].rank == 1 and (a[0].rank or 0) > 1 else None
    return _requantized(node, found, ("a_scale", rows), ("b_scale", None), tape)


def _whole(total: tuple[str, str], tape: Tape) -> str:
    value, dtype = total
    return value if dtype == "int32" else tape.cast(value, "int32")


def _convolved(
    node: NodeView, x: Operand, x_zero: Operand, w: Operand, w_zero: Operand, tape: Tape
) -> tuple[str, str] | Refusal:
    shape = w.static_shape
    terms = None if shape is None else math.prod(shape[1:])
    one = factor(x, x_zero, x_zero, terms, (), tape)
    axes = tuple(range(1, w.rank or 1))
    other = factor(w, w_zero, filters(w_zero, w, tape), terms, axes, tape)
    found = exact_product(one, other, convolution(node, tape), tape)
    if found is None and terms is None:
        return node.refuse_dynamic("the shape of the weights")
    return found or node.refuse(f"sums of {terms} products are not exact in float32")


def _multiplied(
    node: NodeView, a: tuple[Operand, Operand], b: tuple[Operand, Operand], tape: Tape
) -> tuple[str, str] | Refusal:
    if None in (a[0].rank, b[0].rank) or (a[1] and a[1].rank is None):
        return node.refuse_dynamic("the rank of an operand")
    if 0 in (a[0].rank, b[0].rank):
        return node.refuse("a scalar has no rows and columns")
    lengths = [shape[-1] for shape in [a[0].shape] if shape]
    lengths += [shape[-2] if len(shape) > 1 else shape[0] for shape in [b[0].shape] if shape]
    terms = next((one for one in lengths if one is not None), None)
    axis = (max((b[0].rank or 0) - 2, 0),)
    one = factor(a[0], a[1], columns(a[0], a[1], tape), terms, (), tape)
    other = factor(b[0], b[1], b[1], terms, axis, tape)

    def product(x: str, w: str) -> str:
        return tape.op("MatMul", x, w)

    found = exact_product(one, other, product, tape)
    if found is not None:
        return found
    return product(tape.cast(one.value, "int32"), tape.cast(other.value, "int32")), "int32"


def _requantized(
    node: NodeView, total: tuple[str, str], one: _Scale, other: _Scale, tape: Tape
) -> Decision:
    """The sum, in float32, times the product of both scales by that of the output."""
    value, dtype = total
    zero, out = node["y_zero_point"], node.out().dtype or node["y_zero_point"].dtype
    if out not in ("int8", "uint8"):
        return node.refuse(f"it makes no {out or 'unknown type'}")
    if node["y_scale"].rank != 0 and node["y_scale"].static_shape != (1,):
        return node.refuse("the output has more than one scale")
    value = value if dtype == "float32" else tape.cast(value, "float32")
    multiplier = _multiplier(node, one, other, tape)
    value = half_to_even(tape.op("Mul", value, multiplier), tape)
    if not is_zero(zero):
        value = tape.op("Add", value, in_float32(zero, tape))
    return saturated(value, out, tape)


def _multiplier(
    node: NodeView,
    one: tuple[str, list[int] | None],
    other: tuple[str, list[int] | None],
    tape: Tape,
) -> str:
    """First times second, then by that of the output: the order in which onnxruntime rounds."""
    last = node["y_scale"]
    known = [node[name].const for name, _ in (one, other)]
    if last.const is not None and known[0] is not None and known[1] is not None:
        laid = [
            scale.reshape(shape) if shape and scale.ndim == 1 else scale
            for scale, (_, shape) in zip(known, (one, other), strict=True)
            if scale is not None
        ]
        return tape.const((laid[0] * laid[1] / last.const).astype(np.float32))
    scales = [
        tape.op("Reshape", node[name], tape.ints(shape))
        if shape and node[name].rank == 1
        else str(node[name])
        for name, shape in (one, other)
    ]
    return tape.op("Div", tape.op("Mul", *scales), last)
