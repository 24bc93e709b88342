"""Clip of wide integers, which it takes from opset 12 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.forms import FORMS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@FORMS.add("Clip")
def _by_bounds(node: NodeView, tape: Tape, dtype: str) -> Decision | None:
    """The larger of the value and `min`, the smaller of that and `max`."""
    if dtype not in ("int32", "int64", "uint32", "uint64"):
        return None
    found: str = node.arg(0)
    if node.arg(1):
        found = tape.op("Max", found, node.arg(1))
    if node.arg(2):
        found = tape.op("Min", found, node.arg(2))
    return found
