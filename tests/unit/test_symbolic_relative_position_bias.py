"""Biases by relative position in standard operators, beside loops over the positions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from support.lowered_op import NEWEST, OPSETS, check, model_of, refusal

Array = NDArray[Any]
ALL = (*OPSETS, NEWEST)
OP = "com.microsoft::RelativePositionBias"
GATED = "com.microsoft::GatedRelativePositionBias"
RNG = np.random.default_rng(0)


def some(*shape: int) -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape, dtype=np.float32)


def bucket(apart: int, count: int, farthest: int, both: bool) -> int:
    """The one of T5; without directions how far it is counts."""
    start = 0
    if both:
        count //= 2
        start = count if apart > 0 else 0
    apart, exact = abs(apart), count // 2
    if apart < exact:
        return start + apart
    grown = math.log(apart / exact) / math.log(farthest / exact) * (count - exact)
    return start + min(exact + int(grown + 1e-6), count - 1)


@pytest.mark.parametrize("fed", [False, True])
@pytest.mark.parametrize("both", [0, 1])
@pytest.mark.parametrize(("count", "farthest"), [(8, 20), (32, 128), (4, 3), (12, 10)])
def test_relative_position_bias(count: int, farthest: int, both: int, fed: bool) -> None:
    table, length = some(count, 3), 150 if farthest == 128 else 30
    by_head = table.reshape(3, count)
    places = [
        [bucket(key - query, count, farthest, bool(both)) for key in range(length)]
        for query in range(length)
    ]
    size = np.array([length], np.int64)
    check(
        OP,
        [table, size, size],
        expected=[by_head[:, places][None]],
        opsets=ALL if count == 32 else (17,),
        ulp=0,
        constant=() if fed else (1, 2),
        is_bidirectional=both,
        max_distance=farthest,
    )


def gated(query: Array, rel: Array, weight: Array, bias: Array, factor: Array) -> Array:
    """As its documentation has it."""
    batch, length, hidden = query.shape
    heads = rel.shape[1]
    apart = query.reshape(batch, length, heads, hidden // heads).transpose(0, 2, 1, 3)
    linear = apart.astype(np.float64) @ weight + bias
    summed = linear.reshape(batch, heads, length, 2, -1).sum(-1)
    u, r = np.split(1 / (1 + np.exp(-summed)), 2, axis=-1)
    made: Array = ((u * (r * factor - 1) + 2) * rel).astype(np.float32)
    return made


@pytest.mark.parametrize("open_sizes", [False, True])
def test_gated_relative_position_bias(open_sizes: bool) -> None:
    query, rel, factor = some(2, 5, 12), some(1, 3, 5, 5), some(1, 3, 1, 1)
    shift, weight, bias = some(12), some(4, 8), some(8)
    wanted = gated(query + shift, rel, weight, bias, factor)
    check(
        GATED,
        [query, shift, rel, weight, bias, factor],
        expected=[wanted],
        opsets=ALL,
        constant=(3, 4),
        open_sizes=open_sizes,
        num_heads=3,
    )
    offsets = np.array([[0, 1, 2, 5, 6], [7, 3, 4, 8, 9]], np.int32)
    padded = np.zeros((10, 12), np.float32)
    rows = padded[offsets.ravel()[:6]] = some(6, 12)
    wanted = gated(padded.reshape(2, 5, 12) + shift, rel, weight, bias, factor)
    inputs = [rows, shift, rel, weight, bias, factor, offsets]
    check(GATED, inputs, expected=[wanted], opsets=(11, 23), constant=(3, 4), num_heads=3)


def test_what_is_refused() -> None:
    size = np.array([4], np.int64)
    model = model_of(OP, [some(32, 2), size, size], max_distance=16)
    assert "max_distance=16 is not beyond the 16 distances with a bucket each" in refusal(model)
    model = model_of(OP, [some(32, 2), size, size], open_sizes=True, max_distance=64)
    assert "the number of buckets or heads of its table is only known" in refusal(model)
    inputs = [some(2, 5, 12), some(12), some(1, 3, 5, 5), some(4, 7), some(7), some(1, 3, 1, 1)]
    assert "7 gates are not two of the same size" in refusal(model_of(GATED, inputs, num_heads=3))
