"""Split from 18 to 17: without `num_outputs`, whose last part may be smaller."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import from_front, size_of
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Split", 18))
def _without_num_outputs(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: parts that are not equal get their sizes."""
    if not node.given("num_outputs"):
        return KEEP
    count, given = node.attr_int("num_outputs"), len(node.outputs)
    if node["split"] or count != given:
        counts = f"num_outputs={count}, but it has {given} outputs"
        return node.refuse("it has `split` and `num_outputs`" if node["split"] else counts)
    if count == 1:
        return node["input"]
    axes = from_front(node, [node.attr_int("axis")], node["input"].rank)
    if isinstance(axes, Refusal):
        return axes
    shape = node["input"].shape
    size = None if shape is None else shape[axes[0]]
    if size is None:
        sizes = _run_time_sizes(node, axes[0], count, tape)
        return Edit(drop=["num_outputs"], inputs=[node["input"], sizes])
    return _known_sizes(node, size, count, tape)


def _known_sizes(node: NodeView, size: int, count: int, tape: Tape) -> Edit:
    part = -(-size // count)
    if part * count == size:
        return Edit(drop=["num_outputs"])
    ends = [min(part * at, size) for at in range(count + 1)]  # too few may leave nothing at the end
    sizes = tape.ints(end - start for start, end in itertools.pairwise(ends))
    return Edit(drop=["num_outputs"], inputs=[node["input"], sizes])


def _run_time_sizes(node: NodeView, axis: int, count: int, tape: Tape) -> str:
    size = size_of(tape, node["input"], axis)
    most = tape.op("Add", size, tape.ints([count - 1]))
    part = tape.op("Div", most, tape.ints([count]))
    others = tape.op("Mul", part, tape.ints([count - 1]))
    last = tape.op("Sub", size, others)
    return tape.op("Concat", *[part] * (count - 1), last, axis=0)
