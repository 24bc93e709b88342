"""NonZero from 9 to 8: a Loop that collects the places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._flat_places import strides
from pyonnxtool.rewriting.open_sizes import Size, Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("NonZero", 9))
def non_zero(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: a Loop over all elements, which collects the places of those that are not zero."""
    data = node["X"]
    if not data.rank:
        return node.refuse_dynamic("the rank of its data")
    sizes = Sizes(tape)
    shape = sizes.all(data)
    if 0 in shape:
        return tape.const(np.zeros((data.rank, 0), np.int64))
    flags = tape.cast(tape.op("Reshape", data, tape.ints([-1])), "bool")
    flags = tape.cast(flags, "int64")
    single, on = tape.ints([1]), tape.const(np.array(True))

    def build(inner: Tape, names: tuple[str, ...]) -> list[tuple[str, str, int | None]]:
        turn, going, found = names
        place = inner.op("Reshape", turn, single)
        once_or_never = inner.op("Expand", place, inner.op("Gather", flags, place, axis=0))
        return [
            (inner.op("Identity", going), "bool", 0),
            (inner.op("Concat", found, once_or_never, axis=0), "int64", 1),
        ]

    body = tape.body([("turn", "int64", 0), ("on", "bool", 0), ("found", "int64", 1)], build)
    count, nothing = sizes.scalar(sizes.product(shape)), tape.ints([])
    places = tape.op("Loop", count, on, nothing, body=body)
    rows, before = [], ""
    for axis, step in enumerate(strides(sizes, shape)):
        whole = places if step == 1 else tape.op("Div", places, _not_zero(tape, step))
        row = whole
        if before:  # what the axes before it stand for goes
            row = tape.op("Sub", whole, tape.op("Mul", before, sizes.tensor(shape[axis])))
        rows.append(tape.op("Unsqueeze", row, axes=[0]))
        before = whole
    return rows[0] if len(rows) == 1 else tape.op("Concat", *rows, axis=0)


def _not_zero(tape: Tape, step: Size) -> str:
    """The step, or 1 where there are no elements: no runtime divides by zero, not even nothing."""
    if isinstance(step, int):
        return tape.ints([step])
    is_zero = tape.op("Not", tape.cast(step, "bool"))
    return tape.op("Add", step, tape.cast(is_zero, "int64"))
