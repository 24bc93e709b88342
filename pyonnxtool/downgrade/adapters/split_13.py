"""Split from 13 to 12: `split` goes back from an input to an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Split", 13))
def _sizes_to_attribute(node: NodeView, tape: Tape) -> Decision:
    """13 -> 12: `split` goes back from an input to an attribute, or every part is a Slice."""
    if not node["split"]:
        return KEEP if len(node.inputs) == 1 else Edit(inputs=[node["input"]])
    sizes = node.const_ints("split")
    if sizes is None:
        return _slices(node, tape)
    if len(sizes) != len(node.outputs):
        return node.refuse(f"it has {len(node.outputs)} outputs, and `split` has {len(sizes)}")
    return Edit(attributes={"split": sizes}, inputs=[node["input"]])


def _slices(node: NodeView, tape: Tape) -> list[str]:
    """Each part begins where the one before ended."""
    axis = tape.ints([node.attr_int("axis")])
    made, start = [], tape.ints([0])
    for place, wanted in enumerate(node.outputs):
        at = tape.ints([place])
        end = tape.op("Gather", node["split"], at)
        end = tape.op("Add", start, end) if place else end
        made.append(tape.op("Slice", node["input"], start, end, axis) if wanted else "")
        start = end
    return made
