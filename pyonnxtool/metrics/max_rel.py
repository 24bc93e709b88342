"""The largest relative difference."""

from __future__ import annotations

from pyonnxtool._core import DiffStats
from pyonnxtool.metrics import METRICS


@METRICS.add("max_rel")
def max_rel(stats: DiffStats) -> float:
    """Max |ref - got| / |ref| over places where both are finite and ref is not zero.

    As `numpy.testing.assert_allclose` has it. Where ref is zero and got is not there is no
    relative difference; `DiffStats.zero_ref_unequal` counts those places.
    """
    return stats.max_rel
