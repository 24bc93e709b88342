"""How many places are not equal."""

from __future__ import annotations

from pyonnxtool._core import DiffStats
from pyonnxtool.metrics import METRICS


@METRICS.add("mismatched")
def mismatched(stats: DiffStats) -> int:
    """Places that are not equal, the not finite ones included.

    Equal are equal numbers (-0 and +0 as well), NaN and NaN, and infinities of one sign.
    """
    return stats.unequal
