"""Relu of integers, which it takes from opset 14 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.forms import FORMS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@FORMS.add("Relu")
def _of_integers(node: NodeView, tape: Tape, dtype: str) -> Decision | None:
    """The larger of the value and zero."""
    if dtype not in ("int32", "int64"):
        return None
    return tape.op("Max", node["X"], tape.const(0, dtype))
