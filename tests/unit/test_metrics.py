"""Each metric, on tensors small enough to do it by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pyonnxtool._core import DiffStats, diff_stats
from pyonnxtool.metrics import METRICS, summary


def stats_of(ref: Any, got: Any, dtype: str = "float32") -> DiffStats:
    return diff_stats(np.array(ref, dtype), np.array(got, dtype))


ORDINARY = {
    "max_abs": 2.0,
    "max_rel": 0.5,
    "mean_abs": 0.75,
    "rmse": math.sqrt(5 / 4),
    "sqnr_db": 10 * math.log10(30 / 5),
    "cosine": 25 / math.sqrt(30 * 25),
    "max_ulp": 2**23,
    "mismatched": 2,
    "nan_mismatch": 0,
    "inf_mismatch": 0,
}


def test_by_hand() -> None:
    assert summary(stats_of([1, 2, 3, 4], [1, 2, 4, 2])) == pytest.approx(ORDINARY)


def test_the_summary_has_every_metric() -> None:
    assert list(summary(stats_of([1], [1]))) == list(METRICS) == sorted(ORDINARY)


def test_equal_tensors() -> None:
    got = summary(stats_of([1, 2], [1, 2]))
    assert got["sqnr_db"] == math.inf
    assert got["cosine"] == 1.0
    assert not any(got[name] for name in got if name not in {"sqnr_db", "cosine"})


@pytest.mark.parametrize(
    ("ref", "got", "cosine", "sqnr_db"),
    [
        ([0, 0], [0, 0], 1.0, math.inf),
        ([0, 0], [1, 0], 0.0, -math.inf),
        ([1, 0], [0, 0], 0.0, 0.0),
        ([1, 2], [-1, -2], -1.0, -10 * math.log10(4)),
        ([], [], 1.0, math.inf),
        ([math.nan], [1.0], 1.0, math.inf),
    ],
)
def test_edges(ref: list[float], got: list[float], cosine: float, sqnr_db: float) -> None:
    stats = stats_of(ref, got)
    assert METRICS["cosine"](stats) == pytest.approx(cosine)
    assert METRICS["sqnr_db"](stats) == pytest.approx(sqnr_db)


def test_nothing_to_compare_has_no_mean() -> None:
    stats = stats_of([math.nan, 1], [1, math.inf])
    got = summary(stats)
    assert (got["mean_abs"], got["rmse"], got["mismatched"]) == (0.0, 0.0, 2)
    assert (got["nan_mismatch"], got["inf_mismatch"]) == (1, 1)


def test_a_cosine_does_not_overflow() -> None:
    assert METRICS["cosine"](stats_of([1e100], [1e150], "float64")) == pytest.approx(1.0)


def test_integers_stay_exact() -> None:
    got = summary(stats_of([2**63 - 1], [-(2**63)], "int64"))
    assert got["max_abs"] == got["max_ulp"] == 2**64 - 1


def test_of_strings_only_the_count() -> None:
    stats = diff_stats(np.array(["a", "b"]), np.array(["a", "c"]))
    assert summary(stats) == {"mismatched": 1}
