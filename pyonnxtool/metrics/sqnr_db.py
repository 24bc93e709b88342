"""The signal to quantization noise ratio."""

from __future__ import annotations

import math

from pyonnxtool._core import DiffStats
from pyonnxtool.metrics import METRICS


@METRICS.add("sqnr_db")
def sqnr_db(stats: DiffStats) -> float:
    """10 log10(sum ref^2 / sum (ref - got)^2) in decibel; more is better, 6 dB is one bit.

    As Oppenheim and Schafer, Discrete-Time Signal Processing, 4.8.3. Infinite without noise,
    minus infinity for noise without a signal.
    """
    if stats.sum_sq == 0.0:
        return math.inf
    if stats.ref_sq == 0.0:
        return -math.inf
    return 10.0 * (math.log10(stats.ref_sq) - math.log10(stats.sum_sq))
