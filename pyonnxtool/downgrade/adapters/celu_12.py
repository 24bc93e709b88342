"""Celu from 12 to 11: its formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._celu_form import celu

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Celu", 12))
def celu_by_elu(node: NodeView, tape: Tape) -> Decision:
    """12 -> 11: Elu where the value is not above zero."""
    return celu(node, tape, "float32")
