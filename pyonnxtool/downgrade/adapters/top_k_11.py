"""TopK from 11 to 10: of floats, and the largest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import from_front
from pyonnxtool.downgrade.magnitude import fits
from pyonnxtool.rewriting.decision import Edit
from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_FLOATS = ("float16", "float32", "float64")
_IN_A_FLOAT = dict.fromkeys(("int8", "int16", "uint8", "uint16"), "float32") | dict.fromkeys(
    ("int32", "uint32"), "float64"
)


@ADAPTERS.add(("TopK", 11))
def _largest_of_floats(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: the smallest are negative largest; integers in a float, or in two halves."""
    data, axis = node["X"], node.attr_int("axis")
    if data.dtype is None:
        return node.refuse("the element type of its input is not known")
    if axis < -1:
        axes = from_front(node, [axis], data.rank)
        if isinstance(axes, Refusal):
            return axes
        axis = axes[0]
    largest = bool(node.attr_int("largest"))
    if data.dtype in _FLOATS and largest:
        return Edit(drop=["largest", "sorted"], attributes={"axis": axis})
    wide = data.dtype if data.dtype in _FLOATS else _IN_A_FLOAT.get(data.dtype)
    if wide is None and fits(data, "float64"):
        wide = "float64"
    if wide is None:
        return _by_halves(node, tape, axis)
    value = data if wide == data.dtype else tape.cast(data, wide)
    value = value if largest else tape.op("Neg", value)
    made, places = tape.many("TopK", value, node["K"], outputs=2, axis=axis)
    made = made if largest else tape.op("Neg", made)
    return [made if wide == data.dtype else tape.cast(made, data.dtype), places]


def _by_halves(node: NodeView, tape: Tape, axis: int) -> list[str]:
    """Ordered by the low half, and then by the high one: no float holds every int64.

    The second order keeps the first one among equals, as TopK does.
    """
    tape.opset = 11  # what is made here goes down by itself
    data, largest = node["X"], bool(node.attr_int("largest"))
    whole = data if data.dtype == "int64" else tape.cast(data, "int64")
    if data.dtype == "uint64":  # the order is that of int64 once the least of these is added
        whole = tape.op("Add", whole, tape.ints([np.iinfo(np.int64).min]))
    half = tape.ints([2**32])
    high = tape.op("Div", whole, half)
    low = tape.op("Sub", whole, tape.op("Mul", high, half))
    low, high = (tape.cast(one, "float64") for one in (low, high))
    sizes = Sizes(tape)
    every = sizes.tensor(sizes.of(data, axis))
    first = tape.many("TopK", low, every, outputs=2, axis=axis, largest=int(largest))[1]
    high = tape.op("GatherElements", high, first, axis=axis)
    second = tape.many("TopK", high, node["K"], outputs=2, axis=axis, largest=int(largest))[1]
    places = tape.op("GatherElements", first, second, axis=axis)
    return [tape.op("GatherElements", data, places, axis=axis), places]
