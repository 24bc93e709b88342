"""diff_stats against its twin, for every dtype that has numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pyonnxtool._core import DiffStats, diff_stats
from support import stats_twin

COUNTS = [
    "count", "compared", "unequal", "zero_ref_unequal", "max_ulp", "nan_ref", "nan_got", "nan_both",
    "nan_mismatch", "pos_inf_ref", "neg_inf_ref", "pos_inf_got", "neg_inf_got", "inf_mismatch",
    "first_nonfinite_mismatch", "ref_min", "ref_max", "got_min", "got_max",
]  # fmt: skip
SUMS = ["sum_abs", "sum_sq", "ref_sq", "got_sq", "dot"]
LARGEST = float(np.finfo(np.float64).max)
DTYPES = [*stats_twin.FLOATS, *stats_twin.INTEGERS]

# |d| is rounded once: to float for all that float holds, to double otherwise.
ROUNDING = {"float64": 2.0**-52, "int32": 0.0, "uint32": 0.0, "int64": 0.0, "uint64": 0.0}


def assert_near(got: float, want: Fraction, relative: float, tiny: float, what: str) -> None:
    if want > LARGEST:
        assert got == np.inf, what
    elif got in (np.inf, -np.inf):
        assert abs(want) > LARGEST * (1 - 1e-15), what
    else:
        assert abs(Fraction(got) - want) <= relative * abs(want) + Fraction(tiny), what


def assert_twins(ref: NDArray[Any], got: NDArray[Any], dtype: str) -> DiffStats:
    stats, twin = diff_stats(ref, got), stats_twin.stats(ref.ravel(), got.ravel())
    assert stats.dtype == dtype
    for name in COUNTS:
        assert getattr(stats, name) == twin[name], name
    rounding = ROUNDING.get(dtype, 2.0**-23)
    assert_near(stats.max_abs, twin["max_abs"], rounding, 5e-324, "max_abs")
    assert_near(stats.max_rel, twin["max_rel"], 2 * rounding + 2.0**-52, 1e-45, "max_rel")
    for name in SUMS:
        if name == "dot" and np.isnan(stats.dot):  # two sums of float64 that overflowed
            assert twin["absolute_dot"] > LARGEST
            continue
        scale = twin["absolute_dot"] if name == "dot" else twin[name]
        # 64 additions in a lane, 16 lanes, some blocks: far fewer than 1000 roundings.
        assert_near(
            getattr(stats, name),
            twin[name],
            0.0,
            1e-300 + 1000 * 2.0**-53 * float(min(scale, Fraction(LARGEST))),
            name,
        )
    assert_histogram(stats, twin["decades"])
    assert_indices(stats, ref.ravel(), got.ravel())
    return stats


def assert_histogram(stats: DiffStats, differences: list[Fraction]) -> None:
    assert sum(stats.histogram) == stats.compared
    assert stats.histogram[0] == sum(d == 0 for d in differences)
    near = np.array([float(min(d, Fraction(LARGEST))) for d in differences])
    for place, edge in enumerate(stats.histogram_edges, start=2):
        # The rounding of |d| may carry it over an edge that it lies next to.
        surely = np.count_nonzero(near >= edge * (1 + 1e-6))
        maybe = np.count_nonzero(near >= edge * (1 - 1e-6))
        assert surely <= sum(stats.histogram[place:]) <= maybe, edge


def assert_indices(stats: DiffStats, ref: NDArray[Any], got: NDArray[Any]) -> None:
    assert (stats.max_abs_index is None) == (stats.max_abs == 0)
    assert (stats.max_rel_index is None) == (stats.max_rel == 0)
    all_places = np.ones(1, np.bool_)
    for index, relative in ((stats.max_abs_index, False), (stats.max_rel_index, True)):
        if index is None:
            continue
        [r] = stats_twin.exact(ref[index : index + 1], all_places)
        [g] = stats_twin.exact(got[index : index + 1], all_places)
        there = abs(r - g) / abs(r) if relative else abs(r - g)
        told = stats.max_rel if relative else stats.max_abs
        assert_near(told, there, 2.0**-22, 1e-45, "value at the index")


@pytest.mark.parametrize("count", [0, 1, 7, 1024, 1100])
@pytest.mark.parametrize("dtype", DTYPES)
def test_random_bits(dtype: str, count: int) -> None:
    assert_twins(*stats_twin.random_pair(dtype, count, seed=count), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_close_tensors(dtype: str) -> None:
    rng = np.random.default_rng(1)
    ref = rng.standard_normal(2100)
    got = ref * (1 + 1e-3 * rng.standard_normal(2100))
    kind = stats_twin.FLOATS[dtype]
    stats = assert_twins(ref.astype(kind), got.astype(kind), dtype)
    assert 0 < stats.max_abs < 0.1


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_pair_of_a_small_type(dtype: str) -> None:
    kind = np.dtype({**stats_twin.FLOATS, **stats_twin.INTEGERS}[dtype])
    if kind.itemsize > 1:
        pytest.skip("more pairs than there is time for")
    codes = np.arange(stats_twin.CODES.get(dtype, 256), dtype=np.uint8)[::5]
    ref, got = (side.ravel().copy().view(kind) for side in np.meshgrid(codes, codes))
    assert_twins(ref, got, dtype)


FLOAT_ARRAYS = st.integers(0, 40).flatmap(
    lambda size: st.tuples(*[hnp.arrays(np.float32, size, elements=st.floats(width=32))] * 2)
)


@settings(max_examples=150, deadline=None)
@given(FLOAT_ARRAYS)
def test_any_floats(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    assert_twins(*pair, "float32")


WIDE_INTEGERS = st.integers(1, 20).flatmap(
    lambda size: st.tuples(*[hnp.arrays(np.int64, size)] * 2)
)


@settings(max_examples=80, deadline=None)
@given(WIDE_INTEGERS)
def test_any_wide_integers(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    stats = assert_twins(*pair, "int64")
    assert isinstance(stats.max_abs, int)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_integers_never_wrap(dtype: str) -> None:
    info = np.iinfo(dtype)
    ref, got = np.array([info.min, 5], dtype), np.array([info.max, 4], dtype)
    stats = diff_stats(ref, got)
    assert stats.max_abs == stats.max_ulp == 2**64 - 1
    assert stats.max_abs_index == 0
    assert stats.sum_abs == 2.0**64


def test_wide_integers_a_step_apart_beyond_the_doubles() -> None:
    stats = diff_stats(np.array([2**60 + 1]), np.array([2**60]))
    assert (stats.max_abs, stats.unequal, stats.sum_sq) == (1, 1, 1.0)


@pytest.mark.parametrize("count", [65535, 65536, 65537, 64 * 1024 * 3 + 5, 1 << 22])
def test_around_chunks_and_threads(count: int) -> None:
    ref = np.arange(count, dtype=np.float32) % 251
    got = ref.copy()
    got[[0, count // 2, count - 1]] += [1, 3, 2]
    stats = diff_stats(ref, got)
    assert (stats.compared, stats.unequal, stats.max_abs) == (count, 3, 3.0)
    assert (stats.max_abs_index, stats.sum_abs, stats.sum_sq) == (count // 2, 6.0, 14.0)
    assert stats.ref_sq == float(np.sum(ref.astype(np.float64) ** 2))


def test_the_same_twice_with_threads() -> None:
    rng = np.random.default_rng(2)
    ref = rng.standard_normal(3_000_000, dtype=np.float32)
    got = ref * np.float32(1.0001)
    runs = {tuple(getattr(diff_stats(ref, got), name) for name in SUMS) for _ in range(5)}
    assert len(runs) == 1
    double_ref, double_got = ref.astype(np.float64), got.astype(np.float64)
    assert runs.pop()[-1] == pytest.approx(float(double_ref @ double_got), rel=1e-13)


def test_the_first_of_equal_maxima_wins() -> None:
    ref = np.ones(300_000, np.float32)
    got = ref + np.float32(1)
    stats = diff_stats(ref, got)
    assert (stats.max_abs_index, stats.max_rel_index) == (0, 0)


def test_differences_that_overflow_a_float() -> None:
    ref = np.array([3e38, 1, np.nan], np.float32)
    stats = diff_stats(ref, -ref)
    assert stats.max_abs == 2 * float(np.float32(3e38))
    assert (stats.max_rel, stats.nan_both) == (2.0, 1)


def test_relative_differences_that_overflow_a_float() -> None:
    stats = diff_stats(np.array([1e-45, 1e-44], np.float32), np.array([0, 1], np.float32))
    assert stats.max_rel == pytest.approx(1 / float(np.float32(1e-44)))
    assert stats.max_rel_index == 1


def test_specials() -> None:
    nan, inf = np.nan, np.inf
    ref = np.array([nan, nan, 1.0, inf, inf, -inf, 2.0, -0.0, inf], np.float64)
    got = np.array([nan, 1.0, nan, inf, -inf, -inf, inf, 0.0, nan], np.float64)
    stats = diff_stats(ref, got)
    assert (stats.nan_ref, stats.nan_got, stats.nan_both, stats.nan_mismatch) == (2, 3, 1, 3)
    assert (stats.pos_inf_ref, stats.neg_inf_ref, stats.inf_mismatch) == (3, 1, 2)
    assert (stats.first_nonfinite_mismatch, stats.unequal, stats.compared) == (1, 5, 1)
    assert (stats.max_ulp, stats.sum_sq, stats.ref_min) == (0, 0.0, -0.0)


def test_denormals_count_steps_through_zero() -> None:
    tiny = np.float32(1e-45)
    stats = diff_stats(np.array([tiny]), np.array([-tiny]))
    assert (stats.max_ulp, stats.max_abs, stats.max_rel) == (2, 2 * float(tiny), 2.0)


def test_nothing_finite_has_no_range() -> None:
    stats = diff_stats(np.array([np.nan]), np.array([3.0]))
    assert (stats.ref_min, stats.ref_max, stats.ref_abs_max) == (None, None, 0.0)
    assert (stats.got_min, stats.got_max) == (3.0, 3.0)


def test_a_scalar_and_other_shapes() -> None:
    assert diff_stats(np.array(1.5), np.array(1.0)).max_abs == 0.5
    assert diff_stats(np.zeros((2, 3)), np.ones((3, 2))).unequal == 6


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "float16", "complex64"])
def test_unaligned(dtype: str) -> None:
    size = np.dtype(dtype).itemsize * 1500
    raw = np.zeros(size + 3, np.uint8)
    ref, got = raw[1 : size + 1].view(dtype), np.ones(1500, dtype)
    assert not ref.flags.aligned
    stats = diff_stats(ref, got)
    assert (stats.unequal, stats.max_abs, stats.zero_ref_unequal) == (1500, 1.0, 1500)
