"""Dropout from 12 to 11: what drops nothing is its input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._shapes import filled_like

if TYPE_CHECKING:
    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.tape import Tape


@ADAPTERS.add(("Dropout", 12))
def _passed_on(node: NodeView, tape: Tape) -> Decision:
    """12 -> 11: what drops nothing is its input, and keeps everything."""
    data = node["data"]
    training = np.array(False) if not node["training_mode"] else node.const("training_mode")
    ratio = np.array(0.5) if not node["ratio"] else node.const("ratio")
    never = ratio is not None and not np.any(ratio)
    if not never and training is None:
        return node.refuse_dynamic("`training_mode`")
    if not never and np.any(training):
        return node.refuse("it drops at random, which opset 11 does not do")
    mask = filled_like(tape, data, np.array([True])) if node.out(1) else ""
    return [data, mask]
