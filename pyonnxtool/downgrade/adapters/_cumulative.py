"""Sums or products of all elements before each one of an axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.downgrade.adapters._axes import from_front, reshape, sliced, unsqueezed
from pyonnxtool.downgrade.adapters._shapes import may_be_empty, reshaped
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_MOST = 2**20
"""Elements of the masked copies of a tensor, one for each of its places on the axis."""
_MOST_FILLED = 2**16
"""Elements of a tensor of which as many are written as neutral constants."""
_END = np.iinfo(np.int64).max
_COMPUTED_IN = {"uint32": "int64", "uint64": "int64", "float16": "float32", "bfloat16": "float32"}
"""Integers wrap alike in both; halves are summed in what holds them."""


def cumulative(node: NodeView, tape: Tape, neutral: int) -> Decision:
    """Sums where `neutral` is 0, products where it is 1, with `exclusive` and `reverse`.

    Where the sizes are known and small, one reduction of masked copies of floats, which may be
    rounded otherwise than one after the other, or sums of 1, 2, 4, ... integers; else a Scan.
    """
    data, dtype, rank = node["x"], node["x"].dtype, node["x"].rank
    if rank is None or dtype is None:
        return node.refuse_dynamic("its rank or element type")
    axis = node.const_ints("axis")
    if axis is None and rank == 1:
        axis = [0]
    if 0 in (data.static_shape or ()):
        return data
    wide = _COMPUTED_IN.get(dtype, dtype)
    value = data if wide == dtype else tape.cast(data, wide)
    if axis is None:
        made = _over_run_time_axis(node, tape, value, _Scanned(node, tape, neutral))
    else:
        axes = from_front(node, axis[:1], rank)
        if isinstance(axes, Refusal):
            return axes
        if rank == 0 or not axes:
            return node.refuse("its input has no axes, or it has no axis")
        kept = _of_known_sizes(node, tape, value, axes[0], np.full((), neutral, numpy_dtype(wide)))
        made = kept or _scanned(node, tape, value, axes[0], neutral)
    return made if wide == dtype else tape.cast(made, dtype)


def _of_known_sizes(
    node: NodeView, tape: Tape, value: str, axis: int, neutral: NDArray[Any]
) -> str | None:
    """None where sizes are not known, or too large."""
    shape = node["x"].static_shape
    if shape is None:
        return None
    if neutral.dtype.kind == "f":
        small = math.prod(shape) * shape[axis] <= _MOST
        return _masked(node, tape, value, axis, neutral) if small else None
    small = math.prod(shape) <= _MOST_FILLED
    return _doubled(node, tape, value, axis, neutral) if small else None


def _masked(node: NodeView, tape: Tape, value: str, axis: int, neutral: NDArray[Any]) -> str:
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


def _doubled(node: NodeView, tape: Tape, value: str, axis: int, neutral: NDArray[Any]) -> str:
    """Sums of 1, 2, 4, ... neighbours: integers wrap so, while runtimes reduce them as floats."""
    shape = list(node["x"].static_shape or ())
    size, back = shape[axis], node.attr_int("reverse")

    def moved(value: str, by: int) -> str:
        filled = [*shape[:axis], by, *shape[axis + 1 :]]
        filling = tape.const(np.full(filled, neutral, neutral.dtype))
        start, end = (by, size) if back else (0, size - by)
        kept = sliced(tape, value, [start], [end], axis)
        return tape.op("Concat", *((kept, filling) if back else (filling, kept)), axis=axis)

    by = 1
    if node.attr_int("exclusive") and size:
        value = moved(value, 1)
    while by < size:
        value = tape.op("Mul" if neutral else "Add", value, moved(value, by))
        by *= 2
    return value


def _reduced(tape: Tape, op_type: str, value: str, axis: int, with_input: int) -> str:
    if tape.opset >= with_input:
        return tape.op(op_type, value, tape.ints([axis]), keepdims=0)
    return tape.op(op_type, value, axes=[axis], keepdims=0)


def _scanned(node: NodeView, tape: Tape, value: str, axis: int, neutral: int) -> str:
    """One slice after the other, whatever the sizes."""
    sizes, data = Sizes(tape), node["x"]
    rank = data.rank or 0
    others = [sizes.of(data, at) for at in range(rank) if at != axis]
    scanned = _Scanned(node, tape, neutral)
    return scanned.over(value, axis, sizes.joined(others), rank)


class _Scanned:
    """One slice after the other."""

    def __init__(self, node: NodeView, tape: Tape, neutral: int) -> None:
        given = node["x"].dtype or ""
        self._node, self._tape = node, tape
        self._dtype = _COMPUTED_IN.get(given, given)
        self._neutral = np.full(1, neutral, numpy_dtype(self._dtype))
        self._op = "Mul" if neutral else "Add"

    def over(self, value: str, axis: int, others: str, rank: int) -> str:
        """`others` is the shape without the axis."""
        tape, back = self._tape, self._node.attr_int("reverse")
        start = tape.op("ConstantOfShape", others, value=self._neutral)
        if not may_be_empty(self._node["x"]):
            return self._scan(start, value, axis, rank)
        # onnxruntime crashes on a Scan of nothing, and on one of an empty tensor with an axis
        order = [axis, *(at for at in range(rank) if at != axis)]
        value = tape.op("Transpose", value, perm=order) if axis else value
        one = unsqueezed(tape, start, [0])
        value = tape.op("Concat", *((one, value) if back else (value, one)), axis=0)
        value = self._scan(start, value, 0, rank)
        value = sliced(tape, value, *(([1], [_END]) if back else ([0], [-1])), 0)
        return tape.op("Transpose", value, perm=np.argsort(order).tolist()) if axis else value

    def _scan(self, start: str, value: str, axis: int, rank: int) -> str:
        exclusive, back = self._node.attr_int("exclusive"), self._node.attr_int("reverse")

        def build(inner: Tape, names: tuple[str, ...]) -> list[tuple[str, str, int | None]]:
            after = inner.op(self._op, *names)
            given = names[0] if exclusive else after
            return [(after, self._dtype, rank - 1), (given, self._dtype, rank - 1)]

        inputs = [(name, self._dtype, rank - 1) for name in ("before", "one")]
        turned, place = ([1] if back else None), ([axis] if axis else None)
        return self._tape.many(
            "Scan",
            start,
            value,
            outputs=2,
            body=self._tape.body(inputs, build),
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
