"""CenterCropPad from 18 to 17: Slice and Pad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("CenterCropPad", 18))
def center_crop_pad(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: a Slice of the axes that are too long, a Pad of those that are too short."""
    data, wanted = node["input_data"], node.const_ints("shape")
    shape, rank = data.shape, data.rank
    if wanted is None or shape is None or rank is None:
        return _at_run_time(node, tape)
    axes = node.attr_ints("axes", range(rank)) or []
    if len(axes) != len(wanted) or any(not -rank <= axis < rank for axis in axes):
        return node.refuse(f"axes {axes} and {len(wanted)} sizes do not fit data of rank {rank}")
    axes = [axis % rank for axis in axes]
    cut: list[tuple[int, int, int]] = []
    pads = [0] * (2 * rank)
    for axis, size in zip(axes, wanted, strict=True):
        given = shape[axis]
        if given is None:
            return _at_run_time(node, tape)
        if given > size:
            start = (given - size) // 2
            cut.append((axis, start, start + size))
        pads[axis] = max(size - given, 0) // 2
        pads[axis + rank] = max(size - given, 0) - pads[axis]
    value: str = data
    if cut:
        along, starts, ends = (tape.ints(part) for part in zip(*cut, strict=True))
        value = tape.op("Slice", value, starts, ends, along)
    return tape.op("Pad", value, tape.ints(pads)) if any(pads) else value


def _at_run_time(node: NodeView, tape: Tape) -> Decision:
    """The same, computed from the shape."""
    tape.opset = 18  # for the Pad of some axes
    data, wanted, axes = node["input_data"], node["shape"], node.attr_ints("axes")
    target = wanted if wanted.dtype == "int64" else tape.cast(wanted, "int64")
    given, zero, two = Sizes(tape).shape(data), tape.ints([0]), tape.ints([2])
    along = None
    if axes is not None:
        along = tape.ints(axes)
        given = tape.op("Gather", given, along, axis=0)
    elif data.rank is None:
        return node.refuse_dynamic("the rank of its data")
    surplus = tape.op("Max", tape.op("Sub", given, target), zero)
    start = tape.op("Div", surplus, two)
    places = along or tape.ints(range(data.rank or 0))
    value = tape.op("Slice", data, start, tape.op("Add", start, target), places)
    lacking = tape.op("Max", tape.op("Sub", target, given), zero)
    before = tape.op("Div", lacking, two)
    pads = tape.op("Concat", before, tape.op("Sub", lacking, before), axis=0)
    return tape.op("Pad", value, pads, None, along)
