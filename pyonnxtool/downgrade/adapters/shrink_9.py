"""Shrink from 9 to 8: what is beyond the bounds is moved by the bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._digits import room_for
from pyonnxtool.downgrade.dtypes import is_integer

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Shrink", 9))
def shrink(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: Where the value is below less lambd, or above lambd."""
    x = node["input"]
    bias, lambd = node.attr_float("bias"), node.attr_float("lambd")
    if x.dtype is None:
        return node.refuse("the element type of `input` is not known")
    whole = bias.is_integer() and lambd.is_integer() and lambd >= 0
    if is_integer(x.dtype) and not whole:
        return node.refuse(f"bias={bias} and lambd={lambd} are no integers of {x.dtype}")
    if x.dtype == "uint64":
        return node.refuse("nothing that opset 8 adds and compares holds uint64 and what is below")
    tape.opset = node.opset  # Where goes down by itself
    wide = room_for(x.dtype) if is_integer(x.dtype) else x.dtype
    value: str = x if wide == x.dtype else tape.cast(x, wide)
    moved = tape.const(bias, wide)
    below = tape.op("Less", value, tape.const(-lambd, wide))
    above = tape.op("Greater", value, tape.const(lambd, wide))
    from_above = tape.op("Where", above, tape.op("Sub", value, moved), tape.const(0, wide))
    found = tape.op("Where", below, tape.op("Add", value, moved), from_above)
    return found if wide == x.dtype else tape.cast(found, x.dtype)
