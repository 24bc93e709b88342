"""Range from 27 to 26: of float16 and bfloat16 it is computed in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import Edit
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Range", 27))
def _in_float32(node: NodeView, tape: Tape) -> Decision:
    """27 -> 26: of float16 and bfloat16 it is computed in float32."""
    dtype, stash = node["start"].dtype, node.attr_int("stash_type")
    if dtype is None:
        return node.refuse("the element type of `start` is not known")
    if dtype not in ("float16", "bfloat16"):
        return Edit(drop=["stash_type"])
    wide = {elem_type(one): one for one in ("float32", "float64")}.get(stash)
    if wide is None:
        return node.refuse(f"stash_type={stash} is neither float32 nor float64")
    return tape.cast(tape.op("Range", *(tape.cast(one, wide) for one in node.inputs)), dtype)
