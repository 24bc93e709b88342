"""Celu of doubles, which it takes from opset 28 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters._celu_form import celu
from pyonnxtool.downgrade.forms import FORMS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@FORMS.add("Celu")
def _of_doubles(node: NodeView, tape: Tape, dtype: str) -> Decision | None:
    return celu(node, tape, dtype) if dtype == "float64" else None
