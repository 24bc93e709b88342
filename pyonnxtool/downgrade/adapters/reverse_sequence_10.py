"""ReverseSequence from 10 to 9: a Gather at computed places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._flat_places import times
from pyonnxtool.rewriting.open_sizes import Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("ReverseSequence", 10))
def reverse_sequence(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: a Gather of the places in the two leading axes, those of each sequence turned."""
    data, lengths = node["input"], node["sequence_lens"]
    time, batch = node.attr_int("time_axis"), node.attr_int("batch_axis")
    if {time, batch} != {0, 1} or data.rank in (0, 1):
        return node.refuse(f"axes {time} and {batch} are not 0 and 1")
    sizes = Sizes(tape)
    shape = [sizes.of(data, axis) for axis in (0, 1)]
    step = tape.ints([-1 if axis == batch else 1 for axis in (0, 1)])
    ends = tape.op("Reshape", lengths, step)
    moments = sizes.iota_along(shape[time], time, 2)
    last = tape.op("Sub", ends, tape.ints([1]))
    inside = tape.op("Less", moments, ends)
    turned = tape.op("Where", inside, tape.op("Sub", last, moments), moments)
    others = sizes.iota_along(shape[batch], batch, 2)
    slow, fast = (turned, others) if time == 0 else (others, turned)
    places = tape.op("Add", times(tape, sizes, slow, shape[1]), fast)
    flat = tape.op("Reshape", data, sizes.joined([-1, *sizes.rest(data, 2)]))
    return tape.op("Gather", flat, places, axis=0)
