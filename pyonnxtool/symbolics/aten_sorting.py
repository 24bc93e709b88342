"""What torch finds by sorting: medians, quantiles, and places in what is sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics._aten import as_one_dtype, aten, dims_of
from pyonnxtool.symbolics._terms import Term

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


def _placed(
    node: NodeView, tape: Tape, given: Operand, dim: int, keepdim: bool, rank_of: object
) -> Decision:
    """The element of this rank among those of an axis, the smallest first, and where it is.

    `rank_of` is the rank, from 0, or None for the lower median.
    """
    axes = dims_of(node, given, dim)
    if isinstance(axes, Refusal):
        return axes
    if not given.rank:
        return [tape.op("Identity", given), tape.const(0, "int64")]
    axis, sizes = axes[0], Sizes(tape)
    size = sizes.of(given, axis)
    count: Size
    if isinstance(rank_of, int):
        count = rank_of + 1
    elif isinstance(size, int):
        count = (size + 1) // 2
    else:
        count = tape.op("Div", tape.op("Add", size, tape.ints([1])), tape.ints([2]))
    found = tape.many("TopK", given, sizes.tensor(count), outputs=2, axis=axis, largest=0)
    last = (tape.ints([-1]), tape.ints([np.iinfo(np.int64).max]), tape.ints([axis]))
    values = tape.op("Slice", found[0], *last)
    places = tape.op("Slice", found[1], *last)
    if rank_of is None and "float" in (given.dtype or ""):  # NaN makes the median NaN
        nan = tape.op("IsNaN", given)
        any_nan = tape.cast(
            tape.op("ReduceMax", tape.cast(nan, "int32"), tape.ints([axis]), keepdims=1), "bool"
        )
        values = tape.op("Where", any_nan, tape.const(np.nan, given.dtype), values)
        first = tape.op("ArgMax", tape.cast(nan, "int32"), axis=axis, keepdims=1)
        places = tape.op("Where", any_nan, first, places)
    if keepdim:
        return [values, places]
    return [tape.op("Squeeze", one, tape.ints([axis])) for one in (values, places)]


@aten("median", "Tensor self, int? dim, bool keepdim")
def median(
    node: NodeView, tape: Tape, self: Operand, dim: int | None, keepdim: bool = False
) -> Decision:
    """TopK of the lower half; NaN where there is one."""
    if dim is not None:
        return _placed(node, tape, self, dim, keepdim, None)
    if self.dtype is None:
        return node.refuse_dynamic("the type of its input")
    flat = tape.op("Reshape", self, tape.ints([-1]))
    sizes = Sizes(tape)
    if self.static_shape is not None:
        count = tape.ints([(int(np.prod(self.static_shape)) + 1) // 2])
    else:
        more = tape.op("Add", sizes.shape(flat), tape.ints([1]))
        count = tape.op("Div", more, tape.ints([2]))
    values = tape.many("TopK", flat, count, outputs=[True, True], axis=0, largest=0)[0]
    last = tape.op("Gather", values, tape.const(-1, "int64"), axis=0)
    if "float" not in self.dtype:
        return last
    x = Term(tape, self, self.dtype)
    any_nan = x.nan.cast("int32").over("ReduceMax", None).cast("bool")
    return any_nan.choose(np.nan, Term(tape, last, self.dtype)).name


@aten("kthvalue", "Tensor self, int k, int dim, bool keepdim")
def kthvalue(
    node: NodeView, tape: Tape, self: Operand, k: int, dim: int = -1, keepdim: bool = False
) -> Decision:
    """The last that TopK finds."""
    if k < 1:
        return node.refuse(f"k={k} is not above zero")
    return _placed(node, tape, self, dim, keepdim, k - 1)


@aten("quantile|nanquantile", "Tensor self, float[] q, int? dim, bool keepdim, str interpolation")
def quantile(
    node: NodeView,
    tape: Tape,
    self: Operand,
    q: Sequence[float],
    dim: int | None,
    keepdim: bool = False,
    interpolation: str = "linear",
) -> Decision:
    """TopK, and a line between two of what it sorts."""
    if node.op_type != "quantile" or interpolation != "linear" or len(q) != 1:
        return node.refuse("only one quantile, between two elements, has a symbolic")
    q_operand = node.arg(1)
    if q_operand and q_operand.rank:
        return node.refuse("it makes an axis of quantiles")
    shape = self.static_shape
    if shape is None or self.dtype not in ("float32", "float64"):
        return node.refuse_dynamic("how many it sorts")
    axis, given = 0, str(self)
    if dim is None:
        given, size = tape.op("Reshape", self, tape.ints([-1])), int(np.prod(shape))
    else:
        axes = dims_of(node, self, dim)
        if isinstance(axes, Refusal):
            return axes
        axis, size = axes[0], shape[axes[0]]
    place = (np.float32 if self.dtype == "float32" else np.float64)(q[0]) * (size - 1)
    below, above = int(np.floor(place)), int(np.ceil(place))
    values = tape.many("TopK", given, tape.ints([size]), outputs=2, axis=axis, largest=0)[0]
    low, high = (
        Term(tape, tape.op("Gather", values, tape.ints([at]), axis=axis), self.dtype)
        for at in (below, above)
    )
    weight = float(place - below)
    made = low if weight == 0 else low + (high - low) * weight
    nan = Term(tape, given, self.dtype).nan.cast("int32").over("ReduceMax", [axis], keep=True)
    found = nan.cast("bool").choose(np.nan, made).name
    if keepdim and dim is None:
        return tape.op("Reshape", found, tape.ints([1] * len(shape)))
    return found if keepdim else tape.op("Squeeze", found, tape.ints([axis]))


@aten(
    "searchsorted",
    "Tensor sorted, Tensor values, bool out_int32, bool right, str? side, Tensor? sorter",
)
def searchsorted(
    node: NodeView,
    tape: Tape,
    sorted: Operand,
    values: Operand,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Operand | None = None,
) -> Decision:
    """ReduceSum of what is before each value."""
    if sorter:
        given = tape.op("GatherElements", sorted, sorter, axis=-1)
        base = Term(tape, given, sorted.dtype or "")
    else:
        base = Term(tape, sorted, sorted.dtype or "")
    wide = right or side == "right"
    return _before(node, tape, base, sorted, values, wide=wide, narrow=out_int32)


@aten("bucketize", "Tensor values, Tensor boundaries, bool out_int32, bool right")
def bucketize(
    node: NodeView,
    tape: Tape,
    values: Operand,
    boundaries: Operand,
    out_int32: bool = False,
    right: bool = False,
) -> Decision:
    """ReduceSum of the boundaries that are before each value."""
    base = Term(tape, boundaries, boundaries.dtype or "")
    return _before(node, tape, base, boundaries, values, wide=right, narrow=out_int32)


def _before(
    node: NodeView,
    tape: Tape,
    base: Term,
    sorted: Operand,
    values: Operand,
    *,
    wide: bool,
    narrow: bool,
) -> Decision:
    """How many of the last axis are less, or at most as large; NaN is above all."""
    both = as_one_dtype(node, tape, sorted, values)
    if isinstance(both, Refusal):
        return both
    if sorted.rank is None or values.rank is None:
        return node.refuse_dynamic("the rank of its inputs")
    if sorted.rank not in (1, values.rank):
        return node.refuse(f"it looks for rank {values.rank} in rank {sorted.rank}")
    rows = base.name if sorted.rank == 1 else tape.op("Unsqueeze", base.name, tape.ints([-2]))
    each = Term(tape, tape.op("Unsqueeze", both[1].name, tape.ints([-1])), both[1].dtype)
    all_rows = Term(tape, rows, both[0].dtype)
    before = ~(all_rows > each) if wide else ~(all_rows >= each)
    return before.cast("int32" if narrow else "int64").over("ReduceSum", [-1]).name
