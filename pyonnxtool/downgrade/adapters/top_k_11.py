"""TopK from 11 to 10: of floats, and the largest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import from_front, reshape, total, unsqueezed
from pyonnxtool.downgrade.adapters._open_sizes import Sizes
from pyonnxtool.downgrade.magnitude import fits
from pyonnxtool.rewrite.decision import Edit
from pyonnxtool.rewrite.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.tape import Tape

_MOST = 2048
"""Elements of an axis that are compared with each other, each with each."""
_FLOATS = ("float16", "float32", "float64")
_IN_A_FLOAT = dict.fromkeys(("int8", "int16", "uint8", "uint16"), "float32") | dict.fromkeys(
    ("int32", "uint32"), "float64"
)


@ADAPTERS.add(("TopK", 11))
def _largest_of_floats(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: the smallest are negative largest; integers in a float, or compared by pairs."""
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
        return _counted(node, tape, axis)
    value = data if wide == data.dtype else tape.cast(data, wide)
    value = value if largest else tape.op("Neg", value)
    made, places = tape.many("TopK", value, node["K"], outputs=2, axis=axis)
    made = made if largest else tape.op("Neg", made)
    return [made if wide == data.dtype else tape.cast(made, data.dtype), places]


def _counted(node: NodeView, tape: Tape, axis: int) -> Decision:
    """The place of an element is how many are before it: no float holds every int64."""
    data, count = node["X"], node.const_ints("K")
    axes = from_front(node, [axis], data.rank)
    if isinstance(axes, Refusal):
        return axes
    size = (data.shape or (None,) * (axes[0] + 1))[axes[0]]
    if data.rank is None or size is None or size > _MOST:
        why = f"no float holds every {data.dtype}, and its axis has {size or 'an open number of'}"
        return node.refuse(f"{why} elements, more than {_MOST} to be compared one by one")
    at, after = axes[0], [1] * (data.rank - axes[0] - 1)
    whole = data if data.dtype == "int64" else tape.cast(data, "int64")
    other, own = unsqueezed(tape, whole, [at + 1]), unsqueezed(tape, whole, [at])
    first = _before(tape, other, own, bool(node.attr_int("largest")), data.dtype == "uint64")
    earlier = tape.const(np.tri(size, k=-1, dtype=bool).T.reshape([size, size, *after]))
    tied = tape.op("And", tape.op("Equal", other, own), earlier)
    place = total(tape, tape.cast(tape.op("Or", first, tied), "int64"), at)
    wanted = Sizes(tape).iota(count[0] if count else reshape(tape, node["K"], [1]))
    found = tape.op("Equal", unsqueezed(tape, place, [at]), reshape(tape, wanted, [-1, 1, *after]))
    none = tape.const(np.iinfo(np.int64).min, "int64")  # sums may be in floats, no maximum
    indices = tape.const(np.arange(size).reshape([size, *after]))
    made, places = (
        tape.op("ReduceMax", tape.op("Where", found, of, none), axes=[at + 1], keepdims=0)
        for of in (own, indices)
    )
    return [made if data.dtype == "int64" else tape.cast(made, data.dtype or ""), places]


def _before(tape: Tape, other: str, own: str, largest: bool, unsigned: bool) -> str:
    if unsigned:  # the order of uint64 is that of int64 once the least of these is added
        least = tape.ints([np.iinfo(np.int64).min])
        other, own = (tape.op("Add", one, least) for one in (other, own))
    return tape.op("Greater" if largest else "Less", other, own)
