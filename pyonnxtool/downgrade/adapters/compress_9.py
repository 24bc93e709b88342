"""Compress from 9 to 8: Gather of the places where the condition is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import reshape

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Compress", 9))
def _gathered(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: Gather of the places where the condition is true."""
    condition = node.const("condition")
    if condition is None:
        tape.opset = 9  # NonZero goes down by itself
        places = reshape(tape, tape.op("NonZero", node["condition"]), [-1])
    else:
        places = tape.ints(np.flatnonzero(condition).tolist())
    if node.given("axis"):
        return tape.op("Gather", node["input"], places, axis=node.attr_int("axis"))
    return tape.op("Gather", reshape(tape, node["input"], [-1]), places, axis=0)
