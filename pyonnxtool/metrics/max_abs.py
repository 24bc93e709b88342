"""The largest absolute difference."""

from __future__ import annotations

from pyonnxtool._core import DiffStats
from pyonnxtool.metrics import METRICS


@METRICS.add("max_abs")
def max_abs(stats: DiffStats) -> float:
    """Max |ref - got| over places where both are finite; an exact `int` for integers.

    In the tensor's own unit. For complex tensors |.| is the modulus.
    """
    return stats.max_abs
