"""Operators that ai.onnx once had on trial, and that onnxruntime still runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_END = 2**31 - 1


@SYMBOLICS.add("ai.onnx::Affine")
def affine(node: NodeView, tape: Tape) -> Decision:
    """Mul and Add."""
    factor = _number(node, tape, node.attr_float("alpha", 1.0))
    added = _number(node, tape, node.attr_float("beta", 0.0))
    if not isinstance(factor, str) or not isinstance(added, str):
        return node.refuse_dynamic("the type of its input")
    return tape.op("Add", tape.op("Mul", node.inputs[0], factor), added)


@SYMBOLICS.add("ai.onnx::Scale")
def scale(node: NodeView, tape: Tape) -> Decision:
    """Mul."""
    factor = _number(node, tape, node.attr_float("scale", 1.0))
    return factor if not isinstance(factor, str) else tape.op("Mul", node.inputs[0], factor)


@SYMBOLICS.add("ai.onnx::ParametricSoftplus")
def parametric_softplus(node: NodeView, tape: Tape) -> Decision:
    """Mul, Softplus, Mul."""
    return _between(node, tape, "Softplus")


@SYMBOLICS.add("ai.onnx::ScaledTanh")
def scaled_tanh(node: NodeView, tape: Tape) -> Decision:
    """Mul, Tanh, Mul."""
    return _between(node, tape, "Tanh")


@SYMBOLICS.add("ai.onnx::ImageScaler")
def image_scaler(node: NodeView, tape: Tape) -> Decision:
    """Mul and Add of a number for each channel."""
    x = node.inputs[0]
    if x.dtype is None or x.rank is None:
        return node.refuse_dynamic("the type and rank of its input")
    factor = tape.const(node.attr_float("scale", 1.0), x.dtype)
    bias = np.reshape(node.attr("bias", ()), (-1, *([1] * (x.rank - 2))))
    return tape.op("Add", tape.op("Mul", x, factor), tape.const(bias, x.dtype))


@SYMBOLICS.add("ai.onnx::Crop")
def crop(node: NodeView, tape: Tape) -> Decision:
    """Slice."""
    border, size = node.attr_ints("border", ()) or [], node.attr_ints("scale", ()) or []
    if len(border) != 4 or len(size) not in (0, 2):
        return node.refuse(f"its border {border} are not four sides, or its scale {size} not two")
    left, top, right, bottom = border
    ends = [-bottom or _END, -right or _END]
    if size:
        ends = [top + size[0], left + size[1]]
    return tape.op("Slice", node.inputs[0], *map(tape.ints, ([top, left], ends, [2, 3])))


@SYMBOLICS.add("ai.onnx::DynamicSlice")
def dynamic_slice(node: NodeView, tape: Tape) -> Decision:
    """Slice."""
    return tape.op("Slice", *node.inputs[:4])


def _between(node: NodeView, tape: Tape, op_type: str) -> str | Refusal:
    alpha, beta = (_number(node, tape, node.attr_float(name, 1.0)) for name in ("alpha", "beta"))
    if not isinstance(alpha, str) or not isinstance(beta, str):
        return node.refuse_dynamic("the type of its input")
    return tape.op("Mul", tape.op(op_type, tape.op("Mul", node.inputs[0], beta)), alpha)


def _number(node: NodeView, tape: Tape, value: float) -> str | Refusal:
    dtype = node.inputs[0].dtype or node.out().dtype
    return (
        node.refuse_dynamic("the type of its input") if dtype is None else tape.const(value, dtype)
    )
