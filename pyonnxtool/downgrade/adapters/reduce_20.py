"""ReduceMax and ReduceMin from 20 to 19: of bools they are computed in uint8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def _of_bytes(node: NodeView, tape: Tape) -> Decision:
    """20 -> 19: of bools it is computed in uint8, whose least is false and largest true."""
    if node["data"].dtype != "bool":
        return KEEP
    data = tape.cast(node["data"], "uint8")
    made = tape.op(node.op_type, data, *node.inputs[1:], **node.attributes)
    return tape.cast(made, "bool")


for _op in ("ReduceMax", "ReduceMin"):
    ADAPTERS.add((_op, 20))(_of_bytes)
