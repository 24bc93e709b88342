"""What generates texts, in standard operators, or refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

from support.lowered_op import NEWEST, OPSETS, check, model_of, refusal

Array = NDArray[Any]
ALL = (*OPSETS, NEWEST)
DECODER = "com.microsoft::DecoderAttention"
HEADS, HIDDEN, BATCH, LENGTH, OTHERS = 2, 8, 2, 3, 5
RNG = np.random.default_rng(0)


def some(*shape: int) -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("open_sizes", [False, True])
def test_ngrams_that_were_there(size: int, open_sizes: bool) -> None:
    for length in (1, 3, 4, 30):
        ids, scores = RNG.integers(0, 4, (3, length)), some(3, 5)
        check(
            "com.microsoft::NGramRepeatBlock",
            [ids, scores],
            opsets=ALL if length == 30 else (17,),
            ulp=0,
            open_sizes=open_sizes,
            ngram_size=size,
        )


def by_heads(value: Array) -> Array:
    """(length, batch, hidden) as (batch, heads, length, size)."""
    return value.reshape(*value.shape[:2], HEADS, -1).transpose(1, 2, 0, 3)


def decoded(inputs: list[Array | None], static: bool, cached: bool, masked: bool) -> list[Array]:
    """Output and caches, as onnxruntime's kernel for GPUs has them."""
    query, key, weight, both, bias, mask, *before = inputs
    assert query is not None and key is not None and bias is not None
    q = by_heads(query @ weight + bias[:HIDDEN])
    given = (key if static else query) @ both + bias[HIDDEN:]
    k, v = (by_heads(one) for one in np.split(given, 2, axis=-1))
    if cached:
        pasts = [np.asarray(one) for one in before]
        joined = zip(pasts, (k, v), strict=True)
        k, v = pasts if static else [np.concatenate(pair, axis=2) for pair in joined]
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
    if masked:
        assert mask is not None
        scores = np.where(mask[:, None, None], -np.inf, scores)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    made = weights / weights.sum(-1, keepdims=True) @ v
    return [made.transpose(2, 0, 1, 3).reshape(query.shape), k, v]


@pytest.mark.parametrize(
    ("static", "cached", "masked"), list(itertools.product((False, True), repeat=3))
)
def test_decoder_attention(static: bool, cached: bool, masked: bool) -> None:
    cache = [some(BATCH, HEADS, OTHERS, HIDDEN // HEADS) for _ in range(2)]
    length = OTHERS if static else LENGTH + OTHERS * cached
    mask = np.arange(length) >= np.array([[2], [length]])
    inputs = [some(LENGTH, BATCH, HIDDEN), some(OTHERS, BATCH, HIDDEN), some(HIDDEN, HIDDEN)]
    inputs += [some(HIDDEN, 2 * HIDDEN), some(3 * HIDDEN)]
    given: list[Array | None] = [*inputs, mask, *(cache if cached else [None, None])]
    flags = [np.array(one) for one in (static, True, cached, masked)]
    check(
        DECODER,
        [*given, *flags],
        3,
        expected=[one.astype(np.float32) for one in decoded(given, static, cached, masked)],
        types=[1] * 3,
        opsets=(11, 17, 23),
        constant=(2, 3, 4, 8, 9, 10, 11),
        num_heads=HEADS,
    )


def test_what_is_refused() -> None:
    inputs = [some(LENGTH, BATCH, HIDDEN), some(OTHERS, BATCH, HIDDEN), some(HIDDEN, HIDDEN)]
    inputs += [some(HIDDEN, 2 * HIDDEN), some(3 * HIDDEN)]
    flags = [np.array(True)] * 4
    model = model_of(DECODER, [*inputs, None, None, None, *flags], 1, num_heads=HEADS)
    assert "`static_kv` is only known when the model runs" in refusal(model)
    ids, scores = RNG.integers(0, 4, (3, 4)), some(3, 5)
    model = model_of("com.microsoft::NGramRepeatBlock", [ids, scores], ngram_size=0)
    assert "ngram_size=0 is less than 1" in refusal(model)


@pytest.mark.parametrize(
    ("operator", "told"),
    [
        ("BeamSearch", "it generates a text with models of its own; lower these"),
        ("GreedySearch", "it generates a text with models of its own"),
        ("LongformerAttention", "nothing says how its near and its global keys are weighed"),
        ("PagedAttention", "its cache is in pages that the runtime hands out"),
        ("DynamicSparseAttention", "which keys are seen is chosen by an indexer"),
        ("GatedDeltaNet", "its rows are sequences of several lengths"),
    ],
)
def test_operators_without_an_equal(operator: str, told: str) -> None:
    body = helper.make_graph([], "body", [], [])
    model: onnx.ModelProto = model_of(f"com.microsoft::{operator}", [some(1, 2)], decoder=body)
    assert told in refusal(model)
