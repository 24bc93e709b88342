"""What torch counts, and sums of what counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics._aten import as_float, as_one_dtype, aten, dims_of
from pyonnxtool.symbolics._terms import Term

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@aten("count_nonzero", "Tensor self, int[]? dim")
def count_nonzero(node: NodeView, tape: Tape, self: Operand, dim: Sequence[int] | None) -> Decision:
    """ReduceSum of what is not zero."""
    axes = None if dim is None else dims_of(node, self, *dim)
    if isinstance(axes, Refusal):
        return axes
    if self.dtype is None:
        return node.refuse_dynamic("the type of its input")
    there = tape.op("Cast", self, to=9)
    if self.dtype != "bool":
        there = (~(Term(tape, self, self.dtype) == 0)).name
    return Term(tape, there, "bool").cast("int64").over("ReduceSum", axes).name


@aten("nansum|nanmean", "Tensor self, int[]? dim, bool keepdim, int? dtype")
def nansum(
    node: NodeView,
    tape: Tape,
    self: Operand,
    dim: Sequence[int] | None,
    keepdim: bool = False,
    dtype: int | None = None,
) -> Decision:
    """ReduceSum of what is not NaN; divided by how many that are."""
    axes = None if not dim else dims_of(node, self, *dim)
    if isinstance(axes, Refusal):
        return axes
    x = as_float(node, tape, self)
    if isinstance(x, Refusal) or dtype is not None:
        return x if isinstance(x, Refusal) else node.refuse("it is to compute in another dtype")
    total = x.nan.choose(0.0, x).over("ReduceSum", axes, keep=keepdim)
    if node.op_type == "nansum":
        return total.name
    count = (~x.nan).cast(x.dtype).over("ReduceSum", axes, keep=keepdim)
    return (total / count).name


@aten("isin", "Tensor elements, Tensor test_elements, bool assume_unique, bool invert")
def isin(
    node: NodeView,
    tape: Tape,
    elements: Operand,
    test_elements: Operand,
    assume_unique: bool = False,
    invert: bool = False,
) -> Decision:
    """Whether Equal holds for any."""
    both = as_one_dtype(node, tape, elements, test_elements)
    if isinstance(both, Refusal):
        return both
    each = Term(tape, tape.op("Unsqueeze", both[0].name, tape.ints([-1])), both[0].dtype)
    flat = Term(tape, tape.op("Reshape", both[1].name, tape.ints([-1])), both[1].dtype)
    count = (each == flat).cast("int32").over("ReduceSum", [-1])
    return (count == 0 if invert else count > 0).name


@aten("bincount", "Tensor self, Tensor? weights, int minlength")
def bincount(
    node: NodeView, tape: Tape, self: Operand, weights: Operand, minlength: int = 0
) -> Decision:
    """ReduceSum of what is equal to each number up to the largest."""
    if self.dtype is None or "int" not in self.dtype:
        return node.refuse(f"it counts elements of {self.dtype or 'an unknown type'}")
    given = Term(tape, self, self.dtype).cast("int64")
    least = tape.ints([minlength - 1])
    some = tape.op("Concat", given.name, least, axis=0)
    largest = tape.op("ReduceMax", some, tape.ints([0]), keepdims=1)
    sizes = Sizes(tape)
    each = sizes.iota(tape.op("Add", largest, tape.ints([1])))
    column = Term(tape, tape.op("Unsqueeze", each, tape.ints([1])), "int64")
    same = column == given
    if not weights:
        return same.cast("int64").over("ReduceSum", [1]).name
    if weights.dtype not in ("float32", "float64"):
        return node.refuse(f"its weights are of {weights.dtype}")
    return same.choose(Term(tape, weights, weights.dtype), 0.0).over("ReduceSum", [1]).name


@aten("unique_consecutive", "Tensor self, bool return_inverse, bool return_counts, int? dim")
def unique_consecutive(
    node: NodeView,
    tape: Tape,
    self: Operand,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Decision:
    """Compress: of what differs from the element before."""
    if dim is not None or self.rank != 1 or self.dtype is None:
        return node.refuse("only that of one axis has a symbolic")
    start, end, axis = tape.ints([0]), tape.ints([np.iinfo(np.int64).max]), tape.ints([0])
    later = Term(tape, tape.op("Slice", self, tape.ints([1]), end, axis), self.dtype)
    before = Term(tape, tape.op("Slice", self, start, tape.ints([-1]), axis), self.dtype)
    first = tape.op("Slice", self, start, tape.ints([1]), axis)
    yes = tape.op("Expand", tape.const(True), tape.op("Shape", first))
    new = tape.op("Concat", yes, (~(later == before)).name, axis=0)
    found = [tape.op("Compress", self, new, axis=0)]
    number = tape.op("CumSum", tape.cast(new, "int64"), tape.const(0, "int64"))
    inverse = tape.op("Sub", number, tape.const(1, "int64"))
    found.append(inverse if node.out(1) else "")
    if node.out(2):
        sizes = Sizes(tape)
        each = sizes.iota_along(sizes.shape(found[0]), 0, 2)
        same = Term(tape, tape.op("Equal", each, inverse), "bool")
        found.append(same.cast("int64").over("ReduceSum", [1]).name)
    return found
