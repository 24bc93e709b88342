"""Expand from 8 to 7: Tile, as often as an axis of one element has to be repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import unsqueezed
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Expand", 8))
def _tiled(node: NodeView, tape: Tape) -> Decision:
    """8 -> 7: Tile, as often as an axis of one element has to be repeated."""
    data, length = node["input"], node["shape"].static_shape
    if data.rank is None or length is None:
        return node.refuse_dynamic("the rank of its input or of its output")
    rank = max(data.rank, *length[:1])
    new = rank - data.rank
    wide = unsqueezed(tape, data, range(new)) if new else data
    if not rank:
        return tape.op("Identity", data)
    had = [1] * new + list(data.shape or ())
    wanted = node.const_ints("shape")
    if wanted is not None and None not in had[rank - len(wanted) :]:
        wanted = [1] * (rank - len(wanted)) + wanted
        repeats = [to if size == 1 else 1 for size, to in zip(had, wanted, strict=True)]
        if all(one == 1 for one in repeats):
            return wide if new else tape.op("Identity", data)
        return tape.op("Tile", wide, tape.ints(repeats))
    return tape.op("Tile", wide, _repeats(node, rank, tape))


def _repeats(node: NodeView, rank: int, tape: Tape) -> str:
    """1, and for axes of one element the size that is wanted."""
    sizes, (length,) = Sizes(tape), node["shape"].static_shape or (0,)
    data = node["input"]
    had = sizes.joined([1] * (rank - (data.rank or 0)) + sizes.all(data))
    wanted = sizes.joined([*([1] * (rank - length)), node["shape"]])
    is_one = tape.cast(tape.op("Equal", had, tape.ints([1])), "int64")
    more = tape.op("Sub", wanted, tape.const(np.ones(1, np.int64)))
    return tape.op("Add", tape.op("Mul", is_one, more), tape.ints([1]))
