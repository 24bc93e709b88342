"""Resize from 13 to 12: `roi` and `scales` that are not given are empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Resize", 13))
def resize(node: NodeView, tape: Tape) -> Decision:
    """13 -> 12: `roi` and `scales` that are not given are empty."""
    inputs = [str(node.arg(place)) for place in range(4)]
    if not inputs[1] and node.attr_str("coordinate_transformation_mode") == "tf_crop_and_resize":
        rank = node.rank("X")
        if rank is None:
            return node.refuse_dynamic("its rank")
        inputs[1] = tape.const(np.repeat([0.0, 1.0], rank), "float32")  # all of the input
    empty = np.zeros(0, np.float32)
    inputs[1:3] = [name or tape.const(empty) for name in inputs[1:3]]
    return KEEP if inputs == [str(node.arg(place)) for place in range(4)] else Edit(inputs=inputs)
