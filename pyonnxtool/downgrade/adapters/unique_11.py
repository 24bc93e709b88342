"""Unique from 11 to 10: every element compared with every other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.open_sizes import Size
    from pyonnxtool.rewriting.tape import Tape

_COMPARED_AS = dict.fromkeys(("bool", "int8", "uint8", "int16", "uint16"), "int32") | {
    "uint32": "int64",
    "float16": "float32",
}
"""Dtypes that runtimes compare, for those that they do not."""


@ADAPTERS.add(("Unique", 11))
def unique(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: every element, or slice, is compared with every other one."""
    data, axis, dtype = node["X"], node.attr("axis"), node["X"].dtype
    rank = data.rank
    if dtype is None or (rank is None and axis is not None):
        return node.refuse_dynamic("the rank of its data")
    if dtype == "string":
        return node.refuse("strings cannot be compared in opset 10")
    sizes = Sizes(tape)
    if axis is None:
        source = tape.op("Reshape", data, tape.ints([-1]))
        count: Size = sizes.part(sizes.shape(source), 0, 1)
        if data.static_shape is not None:
            count = sizes.product(data.static_shape)
        below, above = _compared(tape, source, (1, 0), dtype)
    elif rank is not None and -rank <= axis < rank:
        source, axis = data, axis % rank
        count = sizes.of(data, axis)
        below, above = _slices_compared(node, tape, sizes, axis)
    else:
        return node.refuse(f"axis {axis} is none of the {rank} that its data has")
    same = tape.op("Not", tape.op("Or", below, above))
    numbers, end = _numbers(tape, sizes, count)
    met = tape.op("Where", same, numbers, end)
    first = tape.op("ReduceMin", met, axes=[1], keepdims=0)
    is_first = tape.op("Equal", first, numbers)
    if not node.attr_int("sorted"):
        column = tape.op("Unsqueeze", first, axes=[1])
        above = tape.op("Less", numbers, column)
    before = tape.cast(tape.op("And", above, is_first), "int32")
    rank_of = tape.cast(tape.op("ReduceSum", before, axes=[1], keepdims=0), "int64")
    found = tape.op("Reshape", tape.op("NonZero", is_first), tape.ints([-1]))
    ranks = tape.op("Gather", rank_of, found, axis=0)
    order = tape.op("Scatter", found, ranks, found, axis=0)
    counts = tape.op("ReduceSum", tape.cast(same, "int32"), axes=[1], keepdims=0)
    made = [
        tape.op("Gather", source, order, axis=axis or 0),
        order,
        rank_of,
        tape.cast(tape.op("Gather", counts, order, axis=0), "int64"),
    ]
    return made[: len(node.outputs)]


def _numbers(tape: Tape, sizes: Sizes, count: Size) -> tuple[str, str]:
    """0, 1, ... below `count`, and `count`: int32, of which runtimes find the least."""
    if isinstance(count, int):
        return tape.const(range(count), "int32"), tape.const(count, "int32")
    return tape.cast(sizes.iota(count), "int32"), tape.cast(count, "int32")


def _compared(tape: Tape, source: str, axes: tuple[int, int], dtype: str) -> tuple[str, str]:
    """Whether each element is below, or above, each other: with a new axis here, and there.

    A NaN is above all others and the same as another, as numpy has it.
    """
    kind = _COMPARED_AS.get(dtype, dtype)
    value = source if kind == dtype else tape.cast(source, kind)
    one, other = (tape.op("Unsqueeze", value, axes=[axis]) for axis in axes)
    below, above = tape.op("Less", one, other), tape.op("Greater", one, other)
    if not kind.startswith("float"):
        return below, above
    numbered = tape.op("Less", value, tape.const(1, kind))
    numbered = tape.op("Or", numbered, tape.op("Greater", value, tape.const(0, kind)))
    here, there = (tape.op("Unsqueeze", numbered, axes=[axis]) for axis in axes)
    below = tape.op("Or", below, tape.op("And", here, tape.op("Not", there)))
    above = tape.op("Or", above, tape.op("And", there, tape.op("Not", here)))
    return below, above


def _slices_compared(node: NodeView, tape: Tape, sizes: Sizes, axis: int) -> tuple[str, str]:
    """The same for whole slices: the first elements that differ decide."""
    data, dtype = node["X"], node["X"].dtype or ""
    shape = sizes.all(data)
    others = [one for one in range(len(shape)) if one != axis]
    turned = tape.op("Transpose", data, perm=[axis, *others])
    length = sizes.product([shape[one] for one in others])
    rows = tape.op("Reshape", turned, sizes.joined([-1, length]))
    numbers, end = _numbers(tape, sizes, length)
    below, above = _compared(tape, rows, (1, 0), dtype)
    first = [
        tape.op("ReduceMin", tape.op("Where", one, numbers, end), axes=[2], keepdims=0)
        for one in (below, above)
    ]
    return tape.op("Less", *first), tape.op("Greater", *first)
