"""TensorScatter from 24 to 23: ScatterElements along the sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("TensorScatter", 24))
def tensor_scatter(node: NodeView, tape: Tape) -> Decision:
    """24 -> 23: ScatterElements at computed places; Concat where it writes from the start."""
    cache, update, first = node["past_cache"], node["update"], node["write_indices"]
    rank, axis = update.rank or cache.rank, node.attr_int("axis")
    if rank is None:
        return node.refuse_dynamic("the rank of its cache")
    if not -rank <= axis < rank or axis % rank == 0:
        return node.refuse(f"axis {axis} is no sequence axis of a cache of rank {rank}")
    axis %= rank
    sizes = Sizes(tape)
    count = sizes.of(update, axis)
    if not first:
        end = tape.ints([np.iinfo(np.int64).max])
        rest = tape.op("Slice", cache, sizes.tensor(count), end, tape.ints([axis]))
        return tape.op("Concat", update, rest, axis=axis)
    column = tape.op("Reshape", first, tape.ints([-1] + [1] * (rank - 1)))
    places = tape.op("Add", column, sizes.iota_along(count, axis, rank))
    if node.attr_str("mode") == "circular":
        places = tape.op("Mod", places, sizes.tensor(sizes.of(cache, axis)))
    known = update.static_shape
    shape = sizes.shape(update) if known is None else tape.ints(known)
    places = tape.op("Expand", places, shape)
    return tape.op("ScatterElements", cache, places, update, axis=axis)
