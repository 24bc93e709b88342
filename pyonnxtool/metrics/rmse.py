"""The root of the mean squared difference."""

from __future__ import annotations

import math

from pyonnxtool._core import DiffStats
from pyonnxtool.metrics import METRICS


@METRICS.add("rmse")
def rmse(stats: DiffStats) -> float:
    """sqrt(sum (ref - got)^2 / n) over the n places where both are finite; 0.0 for none."""
    return math.sqrt(stats.sum_sq / stats.compared) if stats.compared else 0.0
