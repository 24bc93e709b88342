"""How many places have an infinity that the other side does not have."""

from __future__ import annotations

from pyonnxtool._core import DiffStats
from pyonnxtool.metrics import METRICS


@METRICS.add("inf_mismatch")
def inf_mismatch(stats: DiffStats) -> int:
    """Places where neither is NaN, one at least is infinite, and they are not the same."""
    return stats.inf_mismatch
