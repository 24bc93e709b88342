"""Dropout from 10 to 9: the mask is of bools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._shapes import filled_like
from pyonnxtool.rewrite.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.tape import Tape


@ADAPTERS.add(("Dropout", 10))
def _with_bool_mask(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: where the mask is read, it and what is passed on are without the operator."""
    if not node.out(1):
        return KEEP
    return [node["data"], filled_like(tape, node["data"], np.array([True]))]
