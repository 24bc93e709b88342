"""Pad from 19 to 17: mode "wrap" goes, then `axes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._indices import from_the_front
from pyonnxtool.downgrade.adapters._pad_forms import padded
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Pad", 19))
def wrapping(node: NodeView, tape: Tape) -> Decision:
    """19 -> 18: mode "wrap" is a Gather along each padded axis."""
    data = node["data"]
    if node.attr_str("mode") != "wrap":
        return KEEP
    if data.rank is None:
        return node.refuse_dynamic("the rank of its data")
    pads = _of_all_axes(node, tape)
    if isinstance(pads, Refusal):
        return pads
    if isinstance(pads, str):
        parts: list[Size] = [Sizes(tape).part(pads, at, at + 1) for at in range(2 * data.rank)]
    else:
        parts = [*pads]
    pairs = list(zip(parts[: data.rank], parts[data.rank :], strict=True))
    return padded(tape, data, pairs, "wrap", "")


@ADAPTERS.add(("Pad", 18))
def of_all_axes(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: `axes` goes, `pads` are of all axes."""
    if node.attr_str("mode") == "wrap":  # exporters write it at 18 too
        return wrapping(node, tape)
    if not node["axes"]:
        return Edit(inputs=node.inputs[:3])
    pads = _of_all_axes(node, tape)
    if isinstance(pads, Refusal):
        return pads
    name = pads if isinstance(pads, str) else tape.ints(pads)
    inputs = [node["data"], name, node["constant_value"]]
    if tape.nodes:
        return tape.op("Pad", *inputs, mode=node.attr_str("mode"))
    return Edit(inputs=inputs)


def _of_all_axes(node: NodeView, tape: Tape) -> list[int] | str | Refusal:
    """Pads of every axis: numbers, or a value that the tape makes."""
    pads, axes, rank = node.const_ints("pads"), node["axes"], node["data"].rank
    if not axes:
        return node["pads"] if pads is None else _checked(node, pads, rank)
    known = node.const_ints("axes")
    if known is None or rank is None:
        return _scattered(node, tape)
    if any(not -rank <= axis < rank for axis in known):
        return node.refuse(f"`axes` {known} are none of the {rank} that its data has")
    count = len(known)
    known = [axis % rank for axis in known]
    if pads is not None and len(pads) == 2 * count:
        whole = [0] * (2 * rank)
        for place, axis in enumerate(known):
            whole[axis], whole[axis + rank] = pads[place], pads[place + count]
        return whole
    if pads is not None:
        return node.refuse(f"`pads` are {len(pads)} numbers for {count} axes")
    places = [2 * count] * (2 * rank)  # the zero behind them
    for place, axis in enumerate(known):
        places[axis], places[axis + rank] = place, place + count
    longer = tape.op("Concat", node["pads"], tape.ints([0]), axis=0)
    return tape.op("Gather", longer, tape.ints(places), axis=0)


def _checked(node: NodeView, pads: list[int], rank: int | None) -> list[int] | Refusal:
    if rank is not None and len(pads) != 2 * rank:
        return node.refuse(f"`pads` are {len(pads)} numbers for an input of rank {rank}")
    return pads


def _scattered(node: NodeView, tape: Tape) -> str:
    """Pads put to their axes, whichever those are."""
    sizes, data, axes = Sizes(tape), node["data"], node["axes"]
    rank: Size = data.rank if data.rank is not None else tape.op("Shape", sizes.shape(data))
    front = from_the_front(tape, axes, lambda: rank, sizes)
    if axes.dtype != "int64":
        front = tape.cast(front, "int64")
    places = tape.op("Concat", front, tape.op("Add", front, sizes.tensor(rank)), axis=0)
    both = sizes.sum(rank, rank)
    if isinstance(both, int):
        nothing = tape.ints([0] * both)
    else:
        nothing = tape.op("ConstantOfShape", both, value=np.zeros(1, np.int64))
    return tape.op("ScatterElements", nothing, places, node["pads"], axis=0)
