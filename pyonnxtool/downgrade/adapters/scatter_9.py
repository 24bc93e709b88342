"""Scatter from 9 to 8: for each element a comparison with all places, and a Gather."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._flat_places import own_places, strides, times
from pyonnxtool.downgrade.adapters._scatter_by_comparison import scattered
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Scatter", 9))
def scatter(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: a Gather of each element from the data or from the update that falls on it."""
    data, indices, updates = node["data"], node["indices"], node["updates"]
    rank, axis = data.rank, node.attr_int("axis")
    if rank is None or indices.rank != rank:
        return node.refuse_dynamic("the rank of its data")
    if not rank or not -rank <= axis < rank:
        return node.refuse(f"axis {axis} is none of the {rank} that its data has")
    axis %= rank
    sizes = Sizes(tape)
    shape, count = sizes.all(data), sizes.all(indices)
    flat = [tape.op("Reshape", one, tape.ints([-1])) for one in (data, updates)]
    places = _known_places(node, axis)
    if places is None:
        steps = strides(sizes, shape)
        wide = indices if indices.dtype == "int64" else tape.cast(indices, "int64")
        found = times(tape, sizes, wide, steps[axis])
        others = own_places(tape, sizes, count, steps, skip=axis)
        found = found if others is None else tape.op("Add", found, others)
        places = tape.op("Reshape", found, tape.ints([-1]))
    sized = sizes.product(shape), sizes.product(count)
    made = scattered(tape, sizes, (flat[0], sized[0]), places, (flat[1], sized[1]))
    whole = data.static_shape
    return tape.op("Reshape", made, sizes.shape(data) if whole is None else tape.ints(whole))


def _known_places(node: NodeView, axis: int) -> NDArray[np.int64] | str | None:
    indices, shape = node["indices"].const, node["data"].static_shape
    if indices is None or shape is None or 0 in shape:
        return None
    places: list[NDArray[np.int64]] = list(np.indices(indices.shape))
    places[axis] = indices
    return np.ravel_multi_index([one.ravel() for one in places], shape, mode="wrap")
