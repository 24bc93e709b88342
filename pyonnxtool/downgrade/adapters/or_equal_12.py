"""GreaterOrEqual and LessOrEqual from 12 to 11."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.dtypes import is_integer

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("GreaterOrEqual", 12))
@ADAPTERS.add(("LessOrEqual", 12))
def or_equal(node: NodeView, tape: Tape) -> Decision:
    """12 -> 11: not less (not greater); of floats greater (less) or equal, as NaN is neither."""
    a, b = node["A"], node["B"]
    greater = node.op_type == "GreaterOrEqual"
    if is_integer(a.dtype or b.dtype or ""):
        return tape.op("Not", tape.op("Less" if greater else "Greater", a, b))
    apart = tape.op("Greater" if greater else "Less", a, b)
    return tape.op("Or", apart, tape.op("Equal", a, b))
