"""Whether a constant of a model is the one that a pattern has written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-5
"""Relative; exporters write sqrt(2) with 6 digits, and float16 with fewer than that."""


def equal_constants(found: NDArray[Any], wanted: NDArray[Any], tolerance: float) -> bool:
    """Elements of one shape are equal, floats up to the tolerance or one step of their dtype.

    The tolerance is relative; zero and infinities have none. Integers, bools and text are equal or
    not.
    """
    if found.shape != wanted.shape:
        return False
    step = step_of(found.dtype)
    if step is None or wanted.dtype.kind in "OSU":
        return bool(np.all(found == wanted))
    ours, theirs = found.astype(np.float64), wanted.astype(np.float64)
    allowed = max(tolerance, step) * np.abs(theirs)
    with np.errstate(invalid="ignore"):  # of infinities, which are equal or not
        near = np.abs(ours - theirs) <= allowed
    finite = np.isfinite(ours) & np.isfinite(theirs)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    return bool(np.all(np.where(finite, near, same)))


def step_of(dtype: np.dtype[Any]) -> float | None:
    """Relative distance of neighbours; None for what is no float."""
    try:
        return float(ml_dtypes.finfo(dtype).eps)  # type: ignore[no-untyped-call]
    except ValueError:
        return None


def told(array: NDArray[Any]) -> str:
    """`0.5`, `[1, 2]`, `an int64 constant of shape [2, 3]`."""
    if array.size == 1:
        return f"{array.reshape(-1)[0]}"
    if array.ndim == 1 and array.size <= 8:
        return f"[{', '.join(str(one) for one in array.tolist())}]"
    return f"a constant of shape {list(array.shape)}"
