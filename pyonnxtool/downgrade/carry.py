"""Nodes whose dtype is not taken below, computed in another dtype between Casts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.type_check import misfits, told
from pyonnxtool.rewrite.decision import KEEP

if TYPE_CHECKING:
    from onnx.defs import OpSchema

    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.tape import Tape


def carried(view: NodeView, tape: Tape, schema: OpSchema) -> Decision:
    """The node for a schema that may not take its dtypes: computed in one that it takes.

    Chosen so that no value changes; refused where there is no such dtype.
    """
    found = misfits(view, schema)
    if not found:
        return KEEP
    return view.refuse(told(found[0], view.op_type, tape.opset))
