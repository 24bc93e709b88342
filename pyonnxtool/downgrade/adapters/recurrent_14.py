"""GRU, LSTM and RNN from 14 to 13, where time is the first axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_BATCH_FIRST = ("X", "initial_h", "initial_c")


@ADAPTERS.add(("GRU", 14))
@ADAPTERS.add(("LSTM", 14))
@ADAPTERS.add(("RNN", 14))
def recurrent(node: NodeView, tape: Tape) -> Decision:
    """14 -> 13: layout=1 becomes Transposes of what has a batch."""
    if not node.attr_int("layout"):
        return Edit(drop=["layout"])
    names = [one.name for one in node.schema.inputs]
    inputs = [
        tape.op("Transpose", one, perm=[1, 0, 2]) if one and name in _BATCH_FIRST else str(one)
        for name, one in zip(names, node.inputs, strict=False)
    ]
    kept = {name: value for name, value in node.attributes.items() if name != "layout"}
    wanted = [bool(one) for one in node.outputs]
    made = tape.many(node.op_type, *inputs, outputs=wanted, **kept)
    perms = [[2, 0, 1, 3], [1, 0, 2], [1, 0, 2]]  # Y, Y_h, Y_c
    return [
        tape.op("Transpose", one, perm=perm) if one else ""
        for one, perm in zip(made, perms, strict=False)
    ]
