"""Operands of float dtypes, and casts between these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_FLOATS = ("float16", "bfloat16", "float32", "float64")


def not_float(node: NodeView, operand: Operand) -> Refusal | None:
    """Why the operand cannot be computed with; None when its dtype is that of a float."""
    if operand.dtype is None:
        return node.refuse(f"the element type of {str(operand)!r} is not known")
    if operand.dtype not in _FLOATS:
        return node.refuse(f"{str(operand)!r} has elements of {operand.dtype}")
    return None


def as_dtype(value: Operand | str, given: str, wanted: str, tape: Tape) -> str:
    """The value, cast unless it is of this dtype; constants are converted at once."""
    if given == wanted:
        return value
    known = getattr(value, "const", None)
    if known is not None:
        return tape.const(known.astype(numpy_dtype(wanted)))
    return tape.cast(value, wanted)


def within(number: float, dtype: str) -> float:
    """The number, or the one of the dtype's finite numbers that is closest to it."""
    limits = np.finfo(numpy_dtype(dtype)) if dtype != "bfloat16" else np.finfo(np.float32)
    return float(np.clip(number, limits.min, limits.max))
