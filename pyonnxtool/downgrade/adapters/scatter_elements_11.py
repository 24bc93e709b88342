"""ScatterElements and ScatterND from 11 to 10: Scatter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._flat_places import of_tuples, tuples_of
from pyonnxtool.downgrade.adapters._indices import from_the_front
from pyonnxtool.rewriting.decision import Edit
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("ScatterElements", 11))
def scatter_elements(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: Scatter, with indices counted from the front."""
    data, indices, axis = node["data"], node["indices"], node.attr_int("axis")
    if data.rank is not None and not -data.rank <= axis < data.rank:
        return node.refuse(f"axis {axis} is none of the {data.rank} that its data has")
    sizes = Sizes(tape)
    found = from_the_front(tape, indices, lambda: sizes.of(data, axis), sizes)
    if found == indices:
        return Edit(op_type="Scatter")
    return tape.op("Scatter", data, found, node["updates"], axis=axis)


@ADAPTERS.add(("ScatterND", 11))
def scatter_nd(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: Scatter, by the place that each tuple has in the flattened leading axes."""
    data, indices, updates = node["data"], node["indices"], node["updates"]
    found = tuples_of(node)
    if not isinstance(found, tuple):
        return found
    shape, length, rank = found
    sizes = Sizes(tape)
    places = of_tuples(tape, sizes, indices, [sizes.of(data, axis) for axis in range(length)])
    rest = [sizes.of(data, axis) for axis in range(length, rank)]
    if 0 in rest:
        return tape.op("Identity", data)
    if rest:
        column = tape.op("Reshape", places, tape.ints([-1] + [1] * len(rest)))
        places = tape.op("Expand", column, sizes.joined([1, *rest]))
    elif len(shape) != 2:
        places = tape.op("Reshape", places, tape.ints([-1]))
    rows = sizes.joined([-1, *rest])
    in_rows = tape.op("Reshape", updates, rows) if len(shape) != 2 else updates
    if length == 1:
        return tape.op("Scatter", data, places, in_rows, axis=0)
    done = tape.op("Scatter", tape.op("Reshape", data, rows), places, in_rows, axis=0)
    whole = data.static_shape
    return tape.op("Reshape", done, sizes.shape(data) if whole is None else tape.ints(whole))
