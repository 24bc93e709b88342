"""The mean absolute difference."""

from __future__ import annotations

from pyonnxtool._core import DiffStats
from pyonnxtool.metrics import METRICS


@METRICS.add("mean_abs")
def mean_abs(stats: DiffStats) -> float:
    """Sum |ref - got| / n over the n places where both are finite; 0.0 when there is none."""
    return stats.sum_abs / stats.compared if stats.compared else 0.0
