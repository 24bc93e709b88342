"""Max and Min of integers, which they take from opset 12 on, by comparing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.forms import FORMS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@FORMS.add("Max")
@FORMS.add("Min")
def _by_comparing(node: NodeView, tape: Tape, dtype: str) -> Decision | None:
    """The larger (the smaller) of two, and of that and the next: exact for int64 too."""
    if dtype not in ("int32", "int64", "uint64") or tape.opset < 9:
        return None
    compare = "Greater" if node.op_type == "Max" else "Less"
    found: str = node.inputs[0]
    for other in node.inputs[1:]:
        found = tape.op("Where", tape.op(compare, found, other), found, other)
    return found
