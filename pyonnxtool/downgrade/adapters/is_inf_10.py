"""IsInf from 10 to 9: by comparing with the largest finite number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_LARGEST = {"float32": 3.4028234663852886e38, "float64": 1.7976931348623157e308}


@ADAPTERS.add(("IsInf", 10))
def is_inf(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: beyond the largest finite number."""
    x = node["X"]
    if x.dtype not in _LARGEST:
        return node.refuse("the element type of `X` is not known")
    largest, dtype = _LARGEST[x.dtype], x.dtype
    negative, positive = node.attr_int("detect_negative"), node.attr_int("detect_positive")
    if negative and positive:
        return tape.op("Greater", tape.op("Abs", x), tape.const(largest, dtype))
    if positive:
        return tape.op("Greater", x, tape.const(largest, dtype))
    lowest = -largest if negative else -float("inf")  # nothing is less than that
    return tape.op("Less", x, tape.const(lowest, dtype))
