"""OneHot from 11 to 10: indices count from the front; from 9 to 8: Equal and Gather."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._indices import never_negative
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.open_sizes import Size, Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("OneHot", 11))
def one_hot(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: indices from -depth to -1 are counted from the front."""
    indices, depth, axis = node["indices"], node["depth"], node.attr_int("axis")
    if axis < -1:
        if indices.rank is None:
            return node.refuse_dynamic("the rank of its indices")
        axis += indices.rank + 1
    if never_negative(indices):
        return KEEP if axis == node.attr_int("axis") else Edit(attributes={"axis": axis})
    sizes = Sizes(tape)
    whole = _as_int64(tape, indices)
    length = _depth(tape, depth)
    front = tape.op("Add", whole, sizes.tensor(length) if indices.rank else sizes.scalar(length))
    zero = tape.const(np.array(0, np.int64))
    # What is below -depth too stays as it is: onnxruntime counts from the back at any opset.
    is_meant = tape.op("Xor", tape.op("Less", whole, zero), tape.op("Less", front, zero))
    places = tape.op("Where", is_meant, front, whole)
    return tape.op("OneHot", places, depth, node["values"], axis=axis)


@ADAPTERS.add(("OneHot", 9))
def compared(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: each index compared with each number below the depth picks one of the values."""
    indices, axis = node["indices"], node.attr_int("axis")
    rank = indices.rank
    if rank is None:
        return node.refuse_dynamic("the rank of its indices")
    if not -rank - 1 <= axis <= rank:
        return node.refuse(f"axis {axis} is none of the {rank + 1} of its output")
    axis %= rank + 1
    column = tape.op("Unsqueeze", _as_int64(tape, indices), axes=[axis])
    numbers = Sizes(tape).iota_along(_depth(tape, node["depth"]), axis, rank + 1)
    met = tape.cast(tape.op("Equal", column, numbers), "int32")
    return tape.op("Gather", node["values"], met, axis=0)


def _depth(tape: Tape, depth: Operand) -> Size:
    known = depth.const
    if known is not None and known.size == 1:
        return int(known.reshape(-1)[0])
    return tape.op("Reshape", _as_int64(tape, depth), tape.ints([1]))


def _as_int64(tape: Tape, value: Operand) -> str:
    """What the operator does itself with numbers of other dtypes."""
    return value if value.dtype == "int64" else tape.cast(value, "int64")
