"""GatherElements from 11 to 10: Gather from the elements in one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._flat_places import own_places, strides, times
from pyonnxtool.downgrade.adapters._indices import from_the_front
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("GatherElements", 11))
def gather_elements(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: Gather, by the place that each element has in the flattened data."""
    data, indices = node["data"], node["indices"]
    rank, axis = data.rank or indices.rank, node.attr_int("axis")
    if rank is None:
        return node.refuse_dynamic("the rank of its data")
    if not rank or not -rank <= axis < rank:
        return node.refuse(f"axis {axis} is none of the {rank} that its data has")
    axis %= rank
    sizes = Sizes(tape)
    front = from_the_front(tape, indices, lambda: sizes.of(data, axis), sizes)
    if rank == 1:
        return tape.op("Gather", data, front, axis=0)
    if indices.dtype != "int64":
        front = tape.cast(front, "int64")
    steps = strides(sizes, [sizes.of(data, one) for one in range(rank)])
    shape = [sizes.of(indices, one) for one in range(rank)]
    found = times(tape, sizes, front, steps[axis])
    others = own_places(tape, sizes, shape, steps, skip=axis)
    if others is not None:
        found = tape.op("Add", found, others)
    return tape.op("Gather", tape.op("Reshape", data, tape.ints([-1])), found, axis=0)
