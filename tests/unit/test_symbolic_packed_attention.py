"""Attentions over rows without padding in standard operators, beside loops over the sequences."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from support.lowered_op import NEWEST, OPSETS, check, model_of, refusal

Array = NDArray[Any]
ALL = (*OPSETS, NEWEST)
INT32 = TensorProto.INT32
HEADS, HIDDEN, VALUES, LENGTH = 2, 8, 12, 4
COUNTS = np.array([1, 3, 4], np.int32)
ENDS = np.array([0, 1, 4, 8], np.int32)
OFFSETS = np.array([[0, 4, 5, 6], [8, 9, 10, 11], [1, 2, 3, 7]], np.int32)
ROWS = OFFSETS.ravel()[:8]
RNG = np.random.default_rng(0)


def some(*shape: int) -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape, dtype=np.float32)


def attention(q: Array, k: Array, v: Array, bias: Array | None, scale: float | None) -> Array:
    """Of rows without padding, each sequence and head by itself."""
    made = np.zeros((len(q), v.shape[1]))
    for batch, (start, end) in enumerate(itertools.pairwise(ENDS)):
        for head in range(HEADS):
            one, other, value = (
                np.split(each[start:end].astype(np.float64), HEADS, axis=1)[head]
                for each in (q, k, v)
            )
            scores = one @ other.T * (scale or 1 / np.sqrt(one.shape[1]))
            if bias is not None:
                added = bias[batch % len(bias), head % bias.shape[1]]
                scores += added[: end - start, : end - start]
            weights = np.exp(scores - scores.max(1, keepdims=True))
            weights /= weights.sum(1, keepdims=True)
            width = value.shape[1]
            made[start:end, head * width : (head + 1) * width] = weights @ value
    return made.astype(np.float32)


@pytest.mark.parametrize("open_sizes", [False, True])
def test_padding_is_removed_and_restored(open_sizes: bool) -> None:
    x = some(3, LENGTH, 5)
    packed = x.reshape(-1, 5)[ROWS]
    longest = np.array([4], np.int32)
    check(
        "com.microsoft::RemovePadding",
        [x, COUNTS],
        4,
        expected=[packed, OFFSETS, ENDS, longest],
        types=[1, INT32, INT32, INT32],
        opsets=ALL,
        ulp=0,
        open_sizes=open_sizes,
    )
    restored = np.zeros((12, 5), np.float32)
    restored[ROWS] = packed
    check(
        "com.microsoft::RestorePadding",
        [packed, OFFSETS],
        expected=[restored.reshape(3, LENGTH, 5)],
        opsets=ALL,
        ulp=0,
        open_sizes=open_sizes,
    )


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("bias", [None, (1, 1), (3, HEADS)])
def test_packed_attention(bias: tuple[int, int] | None, open_sizes: bool) -> None:
    x, weights, projection = some(8, 6), some(6, 2 * HIDDEN + VALUES), some(2 * HIDDEN + VALUES)
    added = None if bias is None else some(*bias, LENGTH, LENGTH)
    q, k, v = np.split(x @ weights + projection, [HIDDEN, 2 * HIDDEN], axis=1)
    for scale in (None, 0.2):
        check(
            "com.microsoft::PackedAttention",
            [x, weights, projection, OFFSETS, ENDS, added],
            expected=[attention(q, k, v, added, scale)],
            opsets=ALL if scale is None and bias is None else (17,),
            constant=(1, 2),
            open_sizes=open_sizes,
            num_heads=HEADS,
            qkv_hidden_sizes=[HIDDEN, HIDDEN, VALUES],
            **({} if scale is None else {"scale": scale}),
        )


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_packed_multi_head_attention(biased: bool, open_sizes: bool) -> None:
    q, k, v, bias = some(8, HIDDEN), some(8, HIDDEN), some(8, VALUES), some(2 * HIDDEN + VALUES)
    b = np.split(bias if biased else bias * 0, [HIDDEN, 2 * HIDDEN])
    added = some(1, HEADS, LENGTH, LENGTH)
    check(
        "com.microsoft::PackedMultiHeadAttention",
        [q, k, v, bias if biased else None, OFFSETS, ENDS, added],
        expected=[attention(q + b[0], k + b[1], v + b[2], added, None)],
        opsets=(11, 23) if not open_sizes else (17,),
        open_sizes=open_sizes and not biased,
        num_heads=HEADS,
    )


def test_queries_keys_and_values_in_one() -> None:
    packed = some(8, HEADS, 3, 4)
    q, k, v = (packed[:, :, i].reshape(8, -1) for i in range(3))
    check(
        "com.microsoft::PackedMultiHeadAttention",
        [packed, None, None, None, OFFSETS, ENDS],
        expected=[attention(q, k, v, None, None)],
        opsets=(11, 23),
        num_heads=HEADS,
    )


def test_what_is_refused() -> None:
    inputs = [some(8, 1, 4), None, None, None, OFFSETS, ENDS]
    model = model_of("com.microsoft::PackedMultiHeadAttention", inputs, num_heads=HEADS)
    assert "its queries have rank 3, not 2 or 4" in refusal(model)
