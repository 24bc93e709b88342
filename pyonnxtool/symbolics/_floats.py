"""Operands of float dtypes, and casts between these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_BFLOAT16_MAX = 3.3895313892515355e38
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
    largest = _largest(dtype)
    return float(np.clip(number, -largest, largest))


def lowest(dtype: str) -> NDArray[Any]:
    """The least of the dtype's finite numbers, of that dtype and without axes."""
    return np.array(-_largest(dtype)).astype(numpy_dtype(dtype))


def _largest(dtype: str) -> float:
    if dtype == "bfloat16":  # which numpy does not know
        return _BFLOAT16_MAX
    return float(np.finfo(numpy_dtype(dtype)).max)
