"""diff_stats beside np.dot, which reads the same two arrays and does little else.

    pytest tests/bench/bench_kernels.py --benchmark-enable -s

The share of np.dot's speed is printed and kept in `extra_info["of_dot"]`: medians of runs that take
turns in one process, so that both meet the same neighbours. Beside it stand the best runs, which
say more where other programs want the same cores, and what a pair costs a thread out of its cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pyonnxtool._core import diff_stats, hash_bytes

PAIRS = 1 << 26
ROUNDS = 11


@pytest.fixture(scope="module")
def ref() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(PAIRS, dtype=np.float32)


def equal(ref: NDArray[np.float32]) -> NDArray[np.float32]:
    return ref.copy()


def noise(ref: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every place differs, by 1e-6 of it."""
    got = np.random.default_rng(1).standard_normal(PAIRS, dtype=np.float32)
    got *= np.float32(1e-6)
    got += 1
    got *= ref
    return got


def noise_and_nan(ref: NDArray[np.float32]) -> NDArray[np.float32]:
    """About one NaN in a block of 1024 on one side, so that few blocks have none."""
    got = noise(ref)
    got[np.random.default_rng(2).integers(0, PAIRS, PAIRS // 1000)] = np.nan
    return got


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def in_cache(ref: NDArray[np.float32], got: NDArray[np.float32]) -> float:
    """Nanoseconds for a pair by one thread, both sides in its second-level cache."""
    some, others = ref[:50_000].copy(), got[:50_000].copy()
    return min(seconds(lambda: diff_stats(some, others)) for _ in range(500)) / some.size * 1e9


@pytest.mark.slow
@pytest.mark.parametrize("make", [noise, equal, noise_and_nan])
def test_diff_stats(
    benchmark: Any, ref: NDArray[np.float32], make: Callable[..., NDArray[np.float32]]
) -> None:
    if benchmark.disabled:
        pytest.skip("needs --benchmark-enable")
    got = make(ref)
    turns = [
        (seconds(lambda: np.dot(ref, got)), seconds(lambda: diff_stats(ref, got)))
        for _ in range(ROUNDS)
    ]
    dot, ours = (float(np.median(column)) for column in zip(*turns, strict=True))
    best_dot, best = (min(column) for column in zip(*turns, strict=True))
    gigabytes = 2 * ref.nbytes / 1e9
    benchmark.extra_info["of_dot"] = round(dot / ours, 3)
    benchmark.extra_info["gigabytes_per_second"] = round(gigabytes / ours, 2)
    print(
        f"\n{make.__name__}: diff_stats {gigabytes / ours:.1f} GB/s, np.dot "
        f"{gigabytes / dot:.1f} GB/s: {dot / ours:.0%} (best runs {gigabytes / best:.1f} of "
        f"{gigabytes / best_dot:.1f}: {best_dot / best:.0%}; {in_cache(ref, got):.2f} ns/pair)"
    )
    benchmark.pedantic(diff_stats, (ref, got), rounds=5)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "int64"])
def test_other_dtypes(benchmark: Any, dtype: str) -> None:
    if benchmark.disabled:
        pytest.skip("needs --benchmark-enable")
    ref = np.random.default_rng(3).integers(-100, 100, 1 << 24).astype(dtype)
    got = np.roll(ref, 1)
    benchmark.pedantic(diff_stats, (ref, got), rounds=5)
    rate = 2 * ref.nbytes / benchmark.stats["median"] / 1e9
    benchmark.extra_info["gigabytes_per_second"] = round(rate, 2)


@pytest.mark.slow
def test_hash_bytes(benchmark: Any, ref: NDArray[np.float32]) -> None:
    if benchmark.disabled:
        pytest.skip("needs --benchmark-enable")
    benchmark.pedantic(hash_bytes, (ref,), rounds=5)
    rate = ref.nbytes / benchmark.stats["median"] / 1e9
    benchmark.extra_info["gigabytes_per_second"] = round(rate, 2)
