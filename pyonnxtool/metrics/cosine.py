"""The cosine of the angle between both tensors."""

from __future__ import annotations

import math

from pyonnxtool._core import DiffStats
from pyonnxtool.metrics import METRICS


@METRICS.add("cosine")
def cosine(stats: DiffStats) -> float:
    """Sum ref got / (|ref| |got|), from -1 to 1; 1.0 when both are zero, 0.0 when one is.

    For complex tensors the real part of the inner product. Blind to scale: a tensor that is
    twice too large has cosine 1.
    """
    if stats.sum_sq == 0.0:
        return 1.0  # not a rounding error less
    if stats.ref_sq == 0.0 or stats.got_sq == 0.0:
        return float(stats.ref_sq == stats.got_sq)
    # Two roots, because the product of the squares may overflow.
    value = stats.dot / (math.sqrt(stats.ref_sq) * math.sqrt(stats.got_sq))
    return max(-1.0, min(1.0, value))
