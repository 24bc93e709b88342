"""What torch accumulates along an axis: the largest so far, products, sums of exponentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._aten import as_float, aten, dims_of
from pyonnxtool.symbolics._running import moved, running
from pyonnxtool.symbolics._signature import signature
from pyonnxtool.symbolics._terms import Term

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("mmcv::MMCVCumMax")
@SYMBOLICS.add("mmcv::cummax")
@SYMBOLICS.add("mmdeploy::cummax")
@signature("Tensor self, int dim")
def mmcv_cummax(node: NodeView, tape: Tape, self: Operand, dim: int) -> Decision:
    """Where: the larger of what is 1, 2, 4, ... before; a Scan where the size is open."""
    return running(node, tape, self, dim, "GreaterOrEqual")


@SYMBOLICS.add("mmcv::MMCVCumMin")
@SYMBOLICS.add("mmcv::cummin")
@SYMBOLICS.add("mmdeploy::cummin")
@signature("Tensor self, int dim")
def mmcv_cummin(node: NodeView, tape: Tape, self: Operand, dim: int) -> Decision:
    """Where: the smaller of what is 1, 2, 4, ... before; a Scan where the size is open."""
    return running(node, tape, self, dim, "LessOrEqual")


@aten("cummax", "Tensor self, int dim")
def cummax(node: NodeView, tape: Tape, self: Operand, dim: int) -> Decision:
    """Where: the larger of what is 1, 2, 4, ... before; a Scan where the size is open."""
    return running(node, tape, self, dim, "GreaterOrEqual")


@aten("cummin", "Tensor self, int dim")
def cummin(node: NodeView, tape: Tape, self: Operand, dim: int) -> Decision:
    """Where: the smaller of what is 1, 2, 4, ... before; a Scan where the size is open."""
    return running(node, tape, self, dim, "LessOrEqual")


@aten("cumprod", "Tensor self, int dim, int? dtype")
def cumprod(node: NodeView, tape: Tape, self: Operand, dim: int, dtype: int | None) -> Decision:
    """CumProd; Mul of what is 1, 2, 4, ... before it in older opsets."""
    if dtype is not None:
        return node.refuse("it is to compute in another dtype")
    axes = dims_of(node, self, dim)
    if isinstance(axes, Refusal):
        return axes
    if self.dtype in ("bool", "int8", "uint8", "int16", "int32", None):
        return node.refuse(f"it multiplies {self.dtype or 'elements of an unknown type'}")
    value, size = str(self), self.shape[axes[0]] if self.shape else None
    if size is None:
        return node.refuse_dynamic("how many it multiplies")
    step = 1
    while step < size:
        one = tape.const(1, self.dtype)
        older = moved(tape, value, axes[0], self.rank or 0, step, one)
        value = tape.op("Mul", value, older)
        step *= 2
    return value


@aten("logcumsumexp", "Tensor self, int dim")
def logcumsumexp(node: NodeView, tape: Tape, self: Operand, dim: int) -> Decision:
    """Log of the sum of what is 1, 2, 4, ... before, by how much smaller that is."""
    axes = dims_of(node, self, dim)
    if isinstance(axes, Refusal):
        return axes
    x = as_float(node, tape, self)
    if isinstance(x, Refusal):
        return x
    size = self.shape[axes[0]] if self.shape else None
    if size is None:
        return node.refuse_dynamic("how many it adds")
    step = 1
    while step < size:
        fill = tape.const(-np.inf, x.dtype)
        name = moved(tape, x.name, axes[0], self.rank or 0, step, fill)
        older = Term(tape, name, x.dtype)
        large, small = x.of("Max", older), x.of("Min", older)
        same = (large == small) | large.infinite
        more = same.choose(0.0, (same.choose(0.0, small - large)).of("Exp"))
        x = ((large == small) & ~large.infinite).choose(
            large + float(np.log(2)), large + (more + 1).of("Log")
        )
        step *= 2
    return x.name
