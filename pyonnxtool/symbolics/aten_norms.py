"""Norms and distances, as torch has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics._aten import as_float, as_one_dtype, aten, dims_of
from pyonnxtool.symbolics._terms import Term

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


def _norm(x: Term, p: float, axes: list[int] | None, *, keep: bool = False) -> Term:
    """The p-norm of what is not negative, which zero and infinity are too."""
    if p == 0:
        return (~(x == 0)).cast(x.dtype).over("ReduceSum", axes, keep=keep)
    if p == 1:
        return x.abs.over("ReduceSum", axes, keep=keep)
    if np.isinf(p):
        return x.abs.over("ReduceMax" if p > 0 else "ReduceMin", axes, keep=keep)
    if p == 2:
        return (x * x).over("ReduceSum", axes, keep=keep).of("Sqrt")
    return x.abs.of("Pow", p).over("ReduceSum", axes, keep=keep).of("Pow", 1 / p)


@aten("dist", "Tensor self, Tensor other, float p")
def dist(node: NodeView, tape: Tape, self: Operand, other: Operand, p: float = 2.0) -> Decision:
    """Norm of the difference."""
    both = as_one_dtype(node, tape, self, other)
    if isinstance(both, Refusal):
        return both
    return _norm(both[0] - both[1], p, None).name


@aten("cdist|_cdist_forward", "Tensor x1, Tensor x2, float p, int? compute_mode")
def cdist(
    node: NodeView,
    tape: Tape,
    x1: Operand,
    x2: Operand,
    p: float = 2.0,
    compute_mode: int | None = None,
) -> Decision:
    """Norms of all differences."""
    both = as_one_dtype(node, tape, x1, x2)
    if isinstance(both, Refusal):
        return both
    left = Term(tape, tape.op("Unsqueeze", both[0].name, tape.ints([-2])), both[0].dtype)
    right = Term(tape, tape.op("Unsqueeze", both[1].name, tape.ints([-3])), both[1].dtype)
    return _norm(left - right, p, [-1]).name


@aten("pdist|_pdist_forward", "Tensor self, float p")
def pdist(node: NodeView, tape: Tape, self: Operand, p: float = 2.0) -> Decision:
    """Norms of the differences of all pairs of rows."""
    shape, x = self.shape, as_float(node, tape, self)
    if isinstance(x, Refusal):
        return x
    if shape is None or len(shape) != 2 or shape[0] is None:
        return node.refuse_dynamic("how many rows it has")
    rows, columns = np.triu_indices(shape[0], 1)
    left, right = (
        Term(tape, tape.op("Gather", x.name, tape.ints(each.tolist()), axis=0), x.dtype)
        for each in (rows, columns)
    )
    return _norm(left - right, p, [1]).name


@aten("renorm", "Tensor self, float p, int dim, float maxnorm")
def renorm(
    node: NodeView, tape: Tape, self: Operand, p: float, dim: int, maxnorm: float
) -> Decision:
    """Mul of slices that are too long."""
    x, axes = as_float(node, tape, self), dims_of(node, self, dim)
    if isinstance(x, Refusal):
        return x
    if isinstance(axes, Refusal):
        return axes
    others = [axis for axis in range(self.rank or 0) if axis != axes[0]]
    norm = _norm(x, p, others, keep=True)
    shorter = norm.number(maxnorm) / (norm + 1e-7)
    return (x * (norm > maxnorm).choose(shorter, 1.0)).name


@aten("cov", "Tensor self, int correction, Tensor? fweights, Tensor? aweights")
def cov(
    node: NodeView,
    tape: Tape,
    self: Operand,
    correction: int,
    fweights: Operand,
    aweights: Operand,
) -> Decision:
    """MatMul of what differs from the mean."""
    shape, x = self.shape, as_float(node, tape, self)
    if isinstance(x, Refusal):
        return x
    if fweights or aweights:
        return node.refuse("its elements have weights")
    if shape is None or len(shape) != 2 or shape[1] is None:
        return node.refuse_dynamic("how many columns it has")
    off = x - x.over("ReduceMean", [1], keep=True)
    product = off.of("MatMul", Term(tape, tape.op("Transpose", off.name, perm=[1, 0]), x.dtype))
    return (product / max(shape[1] - correction, 0)).name
