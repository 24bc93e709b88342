"""ReduceMax and ReduceMin from 12 to 11, where bytes that are none have no least and no largest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._shapes import may_be_empty
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def _bounded(node: NodeView, tape: Tape) -> Decision:
    """12 -> 11: bytes that may be none are reduced in float32, within the bounds of their type."""
    data = node["data"]
    if data.dtype not in ("int8", "uint8") or not may_be_empty(data):
        return KEEP
    limits = np.iinfo(data.dtype)
    made = tape.op(node.op_type, tape.cast(data, "float32"), **node.attributes)
    if node.op_type == "ReduceMax":
        made = tape.op("Max", made, tape.const(limits.min, "float32"))
    else:
        made = tape.op("Min", made, tape.const(limits.max, "float32"))
    return tape.cast(made, data.dtype)


for _op in ("ReduceMax", "ReduceMin"):
    ADAPTERS.add((_op, 12))(_bounded)
