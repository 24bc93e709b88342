"""GatherND from 12 to 10: batch axes become places, tuples of places become one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._flat_places import SMALL, of_tuples
from pyonnxtool.rewriting.decision import Edit
from pyonnxtool.rewriting.open_sizes import Size, Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("GatherND", 12))
def batches(node: NodeView, tape: Tape) -> Decision:
    """12 -> 11: places along the `batch_dims` axes are put in front of each tuple."""
    count, indices = node.attr_int("batch_dims"), node["indices"]
    if not count:
        return Edit(drop=["batch_dims"])
    rank = indices.rank
    if rank is None:
        return node.refuse_dynamic("the rank of its indices")
    if not 0 < count < rank:
        return node.refuse(f"batch_dims {count} is not below the rank of its indices, {rank}")
    sizes = Sizes(tape)
    grid = _grid(tape, sizes, [sizes.of(indices, axis) for axis in range(rank - 1)], count)
    return tape.op("GatherND", node["data"], tape.op("Concat", grid, indices, axis=rank - 1))


def _grid(tape: Tape, sizes: Sizes, shape: list[Size], count: int) -> str:
    """The place of each element of a tensor of this shape along its first `count` axes."""
    known = [size for size in shape if isinstance(size, int)]
    if len(known) == len(shape) and np.prod(known, dtype=np.int64) * count <= SMALL:
        return tape.const(np.moveaxis(np.indices(known, np.int64)[:count], 0, -1))
    rank = len(shape) + 1
    whole = sizes.joined([*shape, 1])
    parts = [
        tape.op("Expand", sizes.iota_along(shape[axis], axis, rank), whole) for axis in range(count)
    ]
    return parts[0] if count == 1 else tape.op("Concat", *parts, axis=rank - 1)


@ADAPTERS.add(("GatherND", 11))
def gather_nd(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: Gather, by the place that each tuple has in the flattened leading axes."""
    data, indices = node["data"], node["indices"]
    shape = indices.shape
    length = shape[-1] if shape else None
    if length is None:
        return node.refuse_dynamic("the length of its index tuples")
    if length < 1 or (data.rank is not None and length > data.rank):
        return node.refuse(f"tuples of {length} places do not fit data of rank {data.rank}")
    sizes = Sizes(tape)
    places = of_tuples(tape, sizes, indices, [sizes.of(data, axis) for axis in range(length)])
    if length > 1:
        rest = sizes.rest(data, length)
        if 0 in rest and data.dtype and (empty := node.out().static_shape):
            return tape.const(np.zeros(empty), data.dtype)
        flat = tape.op("Reshape", data, sizes.joined([-1, *rest]))
        return tape.op("Gather", flat, places, axis=0)
    return tape.op("Gather", data, places, axis=0)
