"""What torch accumulates along an axis: the largest so far, products, sums of exponentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._aten import as_float, aten, dims_of
from pyonnxtool.symbolics._signature import signature
from pyonnxtool.symbolics._terms import Term

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_END = np.iinfo(np.int64).max


@SYMBOLICS.add("mmcv::MMCVCumMax")
@SYMBOLICS.add("mmcv::cummax")
@SYMBOLICS.add("mmdeploy::cummax")
@signature("Tensor self, int dim")
def mmcv_cummax(node: NodeView, tape: Tape, self: Operand, dim: int) -> Decision:
    """Where: the larger of what is 1, 2, 4, ... before; a Scan where the size is open."""
    return _running(node, tape, self, dim, "GreaterOrEqual")


@SYMBOLICS.add("mmcv::MMCVCumMin")
@SYMBOLICS.add("mmcv::cummin")
@SYMBOLICS.add("mmdeploy::cummin")
@signature("Tensor self, int dim")
def mmcv_cummin(node: NodeView, tape: Tape, self: Operand, dim: int) -> Decision:
    """Where: the smaller of what is 1, 2, 4, ... before; a Scan where the size is open."""
    return _running(node, tape, self, dim, "LessOrEqual")


@aten("cummax", "Tensor self, int dim")
def cummax(node: NodeView, tape: Tape, self: Operand, dim: int) -> Decision:
    """Where: the larger of what is 1, 2, 4, ... before; a Scan where the size is open."""
    return _running(node, tape, self, dim, "GreaterOrEqual")


@aten("cummin", "Tensor self, int dim")
def cummin(node: NodeView, tape: Tape, self: Operand, dim: int) -> Decision:
    """Where: the smaller of what is 1, 2, 4, ... before; a Scan where the size is open."""
    return _running(node, tape, self, dim, "LessOrEqual")


def _running(node: NodeView, tape: Tape, given: Operand, dim: int, better: str) -> Decision:
    """Values and places. Of equal ones the last counts, and NaN stays until another comes."""
    axes = dims_of(node, given, dim)
    if isinstance(axes, Refusal):
        return axes
    dtype, rank = given.dtype, given.rank or 0
    if dtype is None or dtype == "bool":
        return node.refuse(f"it compares elements of {dtype or 'an unknown type'}")
    if rank == 0:
        return [tape.op("Identity", given), tape.const(0, "int64")]
    axis = axes[0]
    sizes = Sizes(tape)
    size = sizes.of(given, axis)
    places = tape.op("Expand", sizes.iota_along(size, axis, rank), tape.op("Shape", given))
    if isinstance(size, str):
        return _scanned(tape, given, places, axis, better)
    worst = _end_of(dtype, lowest=better == "GreaterOrEqual")
    value, step = str(given), 1
    while step < size:
        older, old_place = (
            _moved(tape, one, axis, rank, step, fill)
            for one, fill in ((value, tape.const(worst, dtype)), (places, tape.const(0, "int64")))
        )
        newer = _newer(tape, value, older, better, dtype)
        value = tape.op("Where", newer, value, older)
        places = tape.op("Where", newer, places, old_place)
        step *= 2
    return [value, places]


def _newer(tape: Tape, new: str, old: str, better: str, dtype: str) -> str:
    at_least = tape.op(better, new, old)
    return tape.op("Or", at_least, tape.op("IsNaN", new)) if "float" in dtype else at_least


def _end_of(dtype: str, *, lowest: bool) -> float:
    if "float" in dtype:
        return -np.inf if lowest else np.inf
    limits = np.iinfo(numpy_dtype(dtype))
    return int(limits.min if lowest else limits.max)


def _moved(tape: Tape, value: str, axis: int, rank: int, step: int, fill: str) -> str:
    """What is `step` before, and `fill` where nothing is."""
    before = [step if one == axis else 0 for one in range(rank)]
    cut = tape.op("Slice", value, tape.ints([0]), tape.ints([-step]), tape.ints([axis]))
    return tape.op("Pad", cut, tape.ints([*before, *[0] * rank]), fill)


def _scanned(tape: Tape, given: Operand, places: str, axis: int, better: str) -> list[str]:
    """Element by element, from the first on."""
    dtype, rank = given.dtype or "", (given.rank or 0) - 1
    zero, axes = tape.const(0, "int64"), tape.ints([axis])
    worst = tape.const(_end_of(dtype, lowest=better == "GreaterOrEqual"), dtype)
    front = tape.op("ReduceSum", places, axes, keepdims=0)  # of that shape; the size may be 0
    shape = tape.op("Shape", front)
    states = [tape.op("Expand", worst, shape), tape.op("Expand", zero, shape)]

    def step(inner: Tape, names: tuple[str, ...]) -> list[tuple[str, str, int | None]]:
        old, old_place, new, place = names
        newer = _newer(inner, new, old, better, dtype)
        value = inner.op("Where", newer, new, old)
        found = inner.op("Where", newer, place, old_place)
        made = [(value, dtype, rank), (found, "int64", rank)]
        again = [(inner.op("Identity", name), kind, size) for name, kind, size in made]
        return [*made, *again]

    before = [("old", dtype, rank), ("old_place", "int64", rank)]
    body = tape.body([*before, ("new", dtype, rank), ("place", "int64", rank)], step)
    made = tape.many(
        "Scan",
        *states,
        given,
        places,
        outputs=4,
        body=body,
        num_scan_inputs=2,
        scan_input_axes=[axis, axis],
        scan_output_axes=[axis, axis],
    )
    return list(made[2:])


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
        older = _moved(tape, value, axes[0], self.rank or 0, step, one)
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
        name = _moved(tape, x.name, axes[0], self.rank or 0, step, fill)
        older = Term(tape, name, x.dtype)
        large, small = x.of("Max", older), x.of("Min", older)
        same = (large == small) | large.infinite
        more = same.choose(0.0, (same.choose(0.0, small - large)).of("Exp"))
        x = ((large == small) & ~large.infinite).choose(
            large + float(np.log(2)), large + (more + 1).of("Log")
        )
        step *= 2
    return x.name
