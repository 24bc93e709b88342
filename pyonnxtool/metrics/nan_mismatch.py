"""How many places have a NaN on one side only."""

from __future__ import annotations

from pyonnxtool._core import DiffStats
from pyonnxtool.metrics import METRICS


@METRICS.add("nan_mismatch")
def nan_mismatch(stats: DiffStats) -> int:
    """Places where exactly one side is NaN; 0 for dtypes without NaN."""
    return stats.nan_mismatch
