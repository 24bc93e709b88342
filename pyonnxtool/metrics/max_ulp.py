"""The largest distance in representable values."""

from __future__ import annotations

from pyonnxtool._core import DiffStats
from pyonnxtool.metrics import METRICS


@METRICS.add("max_ulp")
def max_ulp(stats: DiffStats) -> int:
    """Steps from ref to got in the tensor's own dtype, at the worst place where both are finite.

    Neighbours are one apart, both zeros are the same, and the count goes on through zero
    (Bruce Dawson, Comparing Floating Point Numbers, 2012 edition). For integers it is max |d|.
    """
    return stats.max_ulp
