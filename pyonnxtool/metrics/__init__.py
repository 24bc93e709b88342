"""Metrics: one number each, out of the `DiffStats` of two tensors."""

from __future__ import annotations

from collections.abc import Callable

from pyonnxtool._core import DiffStats
from pyonnxtool.registry import Registry

Metric = Callable[[DiffStats], float]
"""May give an infinity or NaN; never raises. An integer stays an `int`."""

METRICS: Registry[str, Metric] = Registry("metric", "pyonnxtool.metrics")


def summary(stats: DiffStats) -> dict[str, float]:
    """Every metric by name, in alphabetical order, as reports carry them.

    Strings have no distance, so of them only `mismatched` is told.
    """
    names = ["mismatched"] if stats.dtype == "string" else list(METRICS)
    return {name: METRICS[name](stats) for name in names}
