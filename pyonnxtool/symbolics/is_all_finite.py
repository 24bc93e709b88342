"""IsAllFinite of com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::IsAllFinite")
def is_all_finite(node: NodeView, tape: Tape) -> Decision:
    """IsInf and IsNaN of each tensor, none of them true."""
    kinds = ["IsInf", "IsNaN"]
    if node.attr_int("isinf_only", 0):
        kinds.remove("IsNaN")
    if node.attr_int("isnan_only", 0):
        kinds.remove("IsInf")
    if not kinds or not node.inputs:
        return node.refuse("it is asked for nothing: isinf_only and isnan_only, or no inputs")
    flat = []
    for operand in node.inputs:
        found = [tape.op(kind, operand) for kind in kinds]
        either = found[0] if len(found) == 1 else tape.op("Or", *found)
        flat.append(tape.op("Reshape", tape.cast(either, "int32"), tape.ints([-1])))
    all_ = tape.op("Concat", *flat, tape.const([0], "int32"), axis=0)
    return tape.op("Not", tape.cast(tape.op("ReduceMax", all_, keepdims=0), "bool"))
