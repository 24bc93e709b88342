"""Range from 11 to 10: a constant, or positions that are scaled and shifted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import reshape
from pyonnxtool.downgrade.adapters._indices import never_negative
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_MOST = 2**24
"""Elements of a Range that is written as a constant."""


@ADAPTERS.add(("Range", 11))
def _positions(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: a constant, or positions that are scaled and shifted."""
    start, limit, delta = node["start"], node["limit"], node["delta"]
    dtype = start.dtype
    if dtype is None:
        return node.refuse("the element type of `start` is not known")
    known = [one.const for one in (start, limit, delta)]
    if any(one is not None and one.size != 1 for one in known):
        return node.refuse("its bounds are not one number each")
    numbers = [one.reshape(-1)[0] for one in known if one is not None]
    if len(numbers) == len(known):
        return _constant(node, numbers, dtype, tape)
    wide = dtype if dtype.startswith("float") else "int64"
    first, last, step = (_widened(one, wide, tape) for one in (start, limit, delta))
    if (_number_of(start), _number_of(delta)) == (0, 1) and never_negative(limit):
        count = last if wide == "int64" else tape.cast(tape.op("Ceil", last), "int64")
    else:
        count = _count(tape, first, last, (step, _number_of(delta)), wide)
    places = Sizes(tape).iota(count)
    if wide != "int64":
        places = tape.cast(places, wide)
    if _number_of(delta) != 1:
        places = tape.op("Mul", places, step)
    if _number_of(start) != 0:
        places = tape.op("Add", places, first)
    return places if wide == dtype else tape.cast(places, dtype)


def _number_of(value: Operand) -> float | None:
    """The one number that the operand is; None when it is not known."""
    known = value.const
    return None if known is None or known.size != 1 else float(known.reshape(-1)[0])


def _constant(node: NodeView, numbers: list[np.generic], dtype: str, tape: Tape) -> Decision:
    first, last, step = (one.item() for one in numbers)
    if not step:
        return node.refuse("its `delta` is 0")
    span = last - first
    count = max(-(-span // step) if isinstance(step, int) else math.ceil(span / step), 0)
    if count > _MOST:
        return node.refuse(f"it has {count} elements, too many for a constant")
    kind = numpy_dtype(dtype)
    scaled = np.arange(count).astype(kind) * numbers[2]
    return tape.const((numbers[0] + scaled).astype(kind))


def _widened(value: Operand, dtype: str, tape: Tape) -> str:
    if value.const is not None:
        return tape.const(value.const.reshape(1), dtype)
    flat = reshape(tape, value, [1])
    return flat if value.dtype == dtype else tape.cast(flat, dtype)


def _count(tape: Tape, first: str, last: str, step: tuple[str, float | None], dtype: str) -> str:
    """How many steps end before `last`, as an int64 tensor of shape [1]."""
    name, number = step
    span = tape.op("Sub", last, first)
    if dtype == "int64" and number in (1, -1):
        steps = span if number == 1 else tape.op("Sub", first, last)
        some = tape.cast(tape.op("Greater", steps, tape.ints([0])), "int64")
        return tape.op("Mul", steps, some)
    if dtype != "float64":  # exact: no span or step of this size is rounded
        span, name = (tape.cast(one, "float64") for one in (span, name))
    steps = tape.op("Ceil", tape.op("Div", span, name))
    return tape.cast(tape.op("Relu", steps), "int64")
