"""Sums or products of all elements before each one of an axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._axes import from_front, reshape, unsqueezed
from pyonnxtool.downgrade.adapters._open_sizes import Sizes
from pyonnxtool.downgrade.adapters._shapes import may_be_empty, reshaped
from pyonnxtool.rewrite.refusal import Refusal
from pyonnxtool.rewrite.tape import numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.operand import Operand
    from pyonnxtool.rewrite.tape import Tape

_MOST = 2**20
"""Elements of the masked copies of a tensor, one for each of its places on the axis."""
_COMPUTED_IN = {"uint32": "int64", "uint64": "int64", "float16": "float32", "bfloat16": "float32"}
"""Integers wrap alike in both; halves are summed in what holds them."""


def cumulative(node: NodeView, tape: Tape, neutral: int) -> Decision:
    """Sums where `neutral` is 0, products where it is 1, with `exclusive` and `reverse`.

    One reduction of masked copies where the sizes are known and small, else a Scan. A sum of floats
    may be rounded otherwise than one after the other.
    """
    data, dtype, rank = node["x"], node["x"].dtype, node["x"].rank
    if rank is None or dtype is None:
        return node.refuse_dynamic("its rank or element type")
    axis = node.const_ints("axis")
    if axis is None and rank == 1:
        axis = [0]
    wide = _COMPUTED_IN.get(dtype, dtype)
    value = data if wide == dtype else tape.cast(data, wide)
    if axis is None:
        made = _over_run_time_axis(node, tape, value, _Scanned(node, tape, wide, neutral))
    else:
        axes = from_front(node, axis[:1], rank)
        if isinstance(axes, Refusal):
            return axes
        if rank == 0 or not axes:
            return node.refuse("its input has no axes, or it has no axis")
        shape = data.static_shape
        if shape is not None and math.prod(shape) * shape[axes[0]] <= _MOST:
            made = _masked(node, tape, value, axes[0], np.full((), neutral, numpy_dtype(wide)))
        else:
            sizes = Sizes(tape)
            others = [sizes.of(data, at) for at in range(rank) if at != axes[0]]
            scanned = _Scanned(node, tape, wide, neutral)
            made = scanned.over(value, axes[0], sizes.joined(others), rank)
    return made if wide == dtype else tape.cast(made, dtype)


def _masked(
    node: NodeView,
    tape: Tape,
    value: str,
    axis: int,
    neutral: np.ndarray[tuple[()], np.dtype[np.generic]],
) -> str:
    """Copies of the tensor, one for each place on the axis, with what is not before it neutral."""
    shape = node["x"].static_shape or ()
    size = shape[axis]
    taken = np.tri(size, k=-1 if node.attr_int("exclusive") else 0, dtype=bool)
    if node.attr_int("reverse"):
        taken = taken.T
    mask = tape.const(taken.reshape([size, size] + [1] * (len(shape) - axis - 1)))
    copies = tape.op("Where", mask, unsqueezed(tape, value, [axis]), tape.const(neutral))
    if neutral:
        return _reduced(tape, "ReduceProd", copies, axis + 1, 18)
    return _reduced(tape, "ReduceSum", copies, axis + 1, 13)


def _reduced(tape: Tape, op_type: str, value: str, axis: int, with_input: int) -> str:
    if tape.opset >= with_input:
        return tape.op(op_type, value, tape.ints([axis]), keepdims=0)
    return tape.op(op_type, value, axes=[axis], keepdims=0)


class _Scanned:
    """One slice after the other."""

    def __init__(self, node: NodeView, tape: Tape, dtype: str, neutral: int) -> None:
        self._node, self._tape, self._dtype = node, tape, dtype
        self._neutral = np.full(1, neutral, numpy_dtype(dtype))
        self._op = "Mul" if neutral else "Add"

    def over(self, value: str, axis: int, others: str, rank: int) -> str:
        """`others` is the shape without the axis."""
        exclusive, back = self._node.attr_int("exclusive"), self._node.attr_int("reverse")

        def build(inner: Tape, names: tuple[str, ...]) -> list[tuple[str, str, int | None]]:
            after = inner.op(self._op, *names)
            given = names[0] if exclusive else after
            return [(after, self._dtype, rank - 1), (given, self._dtype, rank - 1)]

        tape = self._tape
        inputs = [(name, self._dtype, rank - 1) for name in ("before", "one")]
        start = tape.op("ConstantOfShape", others, value=self._neutral)
        turned, place = ([1] if back else None), ([axis] if axis else None)
        body = tape.body(inputs, build)
        return tape.many(
            "Scan",
            start,
            value,
            outputs=2,
            body=body,
            num_scan_inputs=1,
            scan_input_axes=place,
            scan_output_axes=place,
            scan_input_directions=turned,
            scan_output_directions=turned,
        )[1]


def _over_run_time_axis(node: NodeView, tape: Tape, value: str, scanned: _Scanned) -> str:
    """The tensor as one of three axes: those before the axis, the axis, those after it."""
    data = node["x"]
    rank = data.rank or 0
    axis = _from_front(tape, node["axis"], rank)
    shape, one, positions = tape.op("Shape", data), tape.ints([1]), tape.ints(range(rank))
    before = tape.op("Where", tape.op("Less", positions, axis), shape, one)
    after = tape.op("Where", tape.op("Greater", positions, axis), shape, one)
    counts = [_reduced(tape, "ReduceProd", each, 0, 18) for each in (before, after)]
    outer, inner = (reshape(tape, each, [1]) for each in counts)
    size = tape.op("Gather", shape, axis)
    three = tape.op("Concat", outer, size, inner, axis=0)
    empty = may_be_empty(data)
    made = reshaped(tape, value, three, 3, empty)
    made = scanned.over(made, 1, tape.op("Concat", outer, inner, axis=0), 3)
    return reshaped(tape, made, shape, rank, empty)


def _from_front(tape: Tape, axis: Operand, rank: int) -> str:
    """As an int64 tensor of shape [1]."""
    given = reshape(tape, tape.cast(axis, "int64"), [1])
    moved = tape.op("Add", given, tape.ints([rank]))
    return tape.op("Where", tape.op("Less", given, tape.ints([0])), moved, given)
