"""Clip from 11 to 10: the bounds go back from inputs to attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Clip", 11))
def clip(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: bounds go back to attributes; Max and Min where they are no float constants."""
    x = node["input"]
    bounds = [_bound(node[name]) for name in ("min", "max")]
    low, high = bounds
    crossed = low is not None and high is not None and not low <= high
    unknown = any(node[name] and known is None for name, known in zip(_NAMES, bounds, strict=True))
    if not (crossed or unknown or x.dtype is None or x.dtype == "float64"):
        limits = np.finfo(numpy_dtype(x.dtype))
        ends = zip(_NAMES, bounds, (limits.min, limits.max), strict=True)
        said = {
            name: float(end if known is None else known)
            for name, known, end in ends
            if known is not None or x.dtype != "float32"
        }
        return Edit(inputs=[x], attributes=said)
    return _by_max_and_min(node, tape)


_NAMES = ("min", "max")


def _bound(operand: Operand) -> float | None:
    """One that a float32 attribute holds; None otherwise, and of an omitted one."""
    known = operand.const
    if known is None or known.size != 1:
        return None
    value = float(known.reshape(()))
    return value if float(np.float32(value)) == value else None


def _by_max_and_min(node: NodeView, tape: Tape) -> Decision:
    """An omitted bound is the end of the type's range: infinities are brought there."""
    x = node["input"]
    dtype = x.dtype or node["min"].dtype or node["max"].dtype
    if dtype is None:
        return node.refuse("the element type of `input` is not known")
    limits = np.finfo(numpy_dtype(dtype))
    low = node["min"] or tape.const(limits.min, dtype)
    high = node["max"] or tape.const(limits.max, dtype)
    return tape.op("Min", tape.op("Max", x, low), high)
