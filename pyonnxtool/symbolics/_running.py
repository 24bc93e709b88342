"""The largest or the smallest so far, along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics._aten import dims_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_END = int(np.iinfo(np.int64).max)


def flipped(tape: Tape, value: str, axes: Sequence[int]) -> str:
    """The value with its elements along these axes the other way round."""
    if not axes:
        return value
    back = tape.ints([-1] * len(axes))
    return tape.op("Slice", value, back, tape.ints([-_END] * len(axes)), tape.ints(axes), back)


def running(
    node: NodeView,
    tape: Tape,
    given: Operand,
    dim: int,
    better: str,
    *,
    backwards: bool = False,
) -> list[str] | Refusal:
    """The best so far along an axis, by the operator that compares them, and its place.

    Of equal ones the last counts, and NaN stays until another comes. Backwards it begins at the
    end, and places are counted from there.
    """
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
    value = flipped(tape, given, [axis]) if backwards else str(given)
    if isinstance(size, str):
        found = _scanned(tape, value, dtype, rank - 1, places, axis, better)
    else:
        found = _doubled(tape, value, dtype, rank, places, axis, size, better)
    return [flipped(tape, one, [axis]) for one in found] if backwards else found


def _doubled(
    tape: Tape,
    value: str,
    dtype: str,
    rank: int,
    places: str,
    axis: int,
    size: int,
    better: str,
) -> list[str]:
    """Each beside what is 1, 2, 4, ... before it."""
    worst, step = _end_of(dtype, lowest=better == "GreaterOrEqual"), 1
    while step < size:
        older, old_place = (
            moved(tape, one, axis, rank, step, fill)
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


def moved(tape: Tape, value: str, axis: int, rank: int, step: int, fill: str) -> str:
    """What is `step` before, and `fill` where nothing is."""
    before = [step if one == axis else 0 for one in range(rank)]
    cut = tape.op("Slice", value, tape.ints([0]), tape.ints([-step]), tape.ints([axis]))
    return tape.op("Pad", cut, tape.ints([*before, *[0] * rank]), fill)


def _scanned(
    tape: Tape, given: str, dtype: str, rank: int, places: str, axis: int, better: str
) -> list[str]:
    """Element by element, from the first on; `rank` is that of what is scanned."""
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
