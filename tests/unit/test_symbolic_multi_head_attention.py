"""MultiHeadAttention of com.microsoft in standard operators."""

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
OP = "com.microsoft::MultiHeadAttention"
BATCH, LENGTH, KEYS, HIDDEN, VALUES, HEADS = 2, 5, 4, 8, 12, 2
SIZE = HIDDEN // HEADS
RNG = np.random.default_rng(0)


def some(*shape: int) -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape, dtype=np.float32)


def operands(keys: int = KEYS, values: int = VALUES) -> list[Array]:
    """Query, key, value, bias."""
    plain = [some(BATCH, LENGTH, HIDDEN), some(BATCH, keys, HIDDEN), some(BATCH, keys, values)]
    return [*plain, some(2 * HIDDEN + values)]


MASKS = {
    "none": None,
    "ends": np.array([3, 4], np.int32),
    "ends and sums": np.array([4, 3, 0, 4, 7, 0, 4, 7], np.int32),
    "keys": np.array([[1, 1, 0, 1], [0, 0, 0, 0]], np.int32),
    "queries and keys": RNG.integers(0, 2, (BATCH, LENGTH, KEYS), np.int32),
}


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("mask", MASKS)
def test_masks(mask: str, open_sizes: bool) -> None:
    q, k, v, bias = operands()
    for given, added in itertools.product((None, bias), (None, some(1, HEADS, LENGTH, KEYS))):
        if given is not None and open_sizes:
            continue
        check(
            OP,
            [q, k, v, given, MASKS[mask], added],
            opsets=ALL if mask == "keys" else (17,),
            open_sizes=open_sizes,
            num_heads=HEADS,
        )


@pytest.mark.parametrize("open_sizes", [False, True])
def test_attributes(open_sizes: bool) -> None:
    q, k, v, bias = operands(keys=LENGTH, values=HIDDEN)
    ends = np.array([3, 5], np.int32)
    for causal, scale, hidden in itertools.product((0, 1), (0.3, 0.0), (-3.4e38, -10000.0)):
        check(
            OP,
            [q, k, v, bias, ends],
            opsets=(11, 23),
            constant=(3,),
            open_sizes=open_sizes,
            num_heads=HEADS,
            unidirectional=causal,
            scale=scale,
            mask_filter_value=hidden,
        )


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("length", [0, 3])
@pytest.mark.parametrize("causal", [0, 1])
def test_past_and_present(causal: int, length: int, open_sizes: bool) -> None:
    q, k, v, bias = operands(keys=LENGTH, values=HIDDEN)
    past = [some(BATCH, HEADS, length, SIZE) for _ in range(2)]
    mask = RNG.integers(0, 2, (BATCH, length + LENGTH), np.int32)
    for seen in (None, mask):
        check(
            OP,
            [q, k, v, bias, seen, None, *past],
            3,
            opsets=ALL if seen is None else (17,),
            open_sizes=open_sizes,
            num_heads=HEADS,
            unidirectional=causal,
        )


def test_scores_and_a_present_without_a_past() -> None:
    q, k, v, _ = operands(values=HIDDEN)
    check(OP, [q, k, v], 3, opsets=(11, 17), num_heads=HEADS)
    for mask in (None, MASKS["keys"]):
        check(OP, [q, k, v, None, mask], 4, opsets=(11, 17), num_heads=HEADS)


@pytest.mark.parametrize("open_sizes", [False, True])
def test_keys_and_values_by_heads(open_sizes: bool) -> None:
    q, *_ = operands()
    k, v = some(BATCH, HEADS, KEYS, SIZE), some(BATCH, HEADS, KEYS, SIZE)
    for mask in (None, MASKS["keys"]):
        inputs = [q, k, v, None, mask]
        check(OP, inputs, opsets=ALL, open_sizes=open_sizes, num_heads=HEADS)


def reference(q: Array, k: Array, v: Array, seen: Array | None = None) -> Array:
    """In float64, of queries, keys and values by heads."""
    scores = q.astype(np.float64) @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if seen is not None:
        scores = scores + np.where(seen, 0, -10000.0)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    made: Array = (powers / powers.sum(-1, keepdims=True)) @ v
    return made.swapaxes(1, 2).reshape(q.shape[0], q.shape[2], -1)


@pytest.mark.parametrize("open_sizes", [False, True])
def test_packed_operands(open_sizes: bool) -> None:
    packed, bias = some(BATCH, LENGTH, HEADS, 3, SIZE), some(3 * HIDDEN)
    for given in (None, bias):
        whole = packed if given is None else packed + given.reshape(3, HEADS, SIZE).swapaxes(0, 1)
        found = reference(*(whole[:, :, :, i].swapaxes(1, 2) for i in range(3)))
        inputs = [packed, None, None, given]
        expected = [found.astype(np.float32)]
        check(OP, inputs, expected=expected, opsets=ALL, open_sizes=open_sizes, num_heads=HEADS)
    q, both = some(BATCH, LENGTH, HIDDEN), some(BATCH, KEYS, HEADS, 2, SIZE)
    query = q.reshape(BATCH, LENGTH, HEADS, SIZE).swapaxes(1, 2)
    found = reference(query, *(both[:, :, :, i].swapaxes(1, 2) for i in range(2)))
    expected = [found.astype(np.float32)]
    check(OP, [q, both], expected=expected, opsets=ALL, open_sizes=open_sizes, num_heads=HEADS)


def test_of_float16() -> None:
    q, k, v, _ = (one.astype(np.float16) for one in operands())
    by_heads = (one.reshape(*one.shape[:2], HEADS, -1).swapaxes(1, 2) for one in (q, k, v))
    seen = MASKS["keys"]
    expected = [reference(*by_heads, seen=seen[:, None, None]).astype(np.float16)]
    inputs = [q, k, v, None, seen]
    check(OP, inputs, expected=expected, types=[TensorProto.FLOAT16], num_heads=HEADS)


@pytest.mark.parametrize("open_sizes", [False, True])
def test_a_past_in_a_buffer_with_room(open_sizes: bool) -> None:
    q, k, v, _ = operands(keys=LENGTH, values=HIDDEN)
    query, key, value = (one.reshape(*one.shape[:2], HEADS, -1).swapaxes(1, 2) for one in (q, k, v))
    buffers = [some(BATCH, HEADS, 9, SIZE) for _ in range(2)]
    for used in (0, 3, 4):
        both = [
            np.concatenate([old[:, :, :used], new], 2)
            for old, new in zip(buffers, (key, value), strict=True)
        ]
        seen = np.arange(used + LENGTH) <= used + np.arange(LENGTH)[:, None]
        kept = [
            np.concatenate([new, old[:, :, used + LENGTH :]], 2)
            for old, new in zip(buffers, both, strict=True)
        ]
        check(
            OP,
            [q, k, v, None, None, None, *buffers, np.array([used], np.int32)],
            3,
            expected=[reference(query, *both, seen=seen).astype(np.float32), *kept],
            opsets=ALL if used == 3 else (17,),
            open_sizes=open_sizes,
            num_heads=HEADS,
            unidirectional=1,
        )


def test_what_is_refused() -> None:
    q, k, v, bias = operands()

    def told(*inputs: Array | None, **options: Any) -> str:
        return refusal(model_of(OP, list(inputs), **{"num_heads": HEADS, **options}))

    assert "num_heads=3 does not divide the hidden size 8" in told(q, k, v, num_heads=3)
    assert "ranks (3, 3, None) are no form that it has" in told(q, k)
    assert "ranks (3, None, None) are no form that it has" in told(q)
    assert "unidirectional=1 is not defined for keys of another" in told(q, k, v, unidirectional=1)
    past = some(BATCH, HEADS, 3, SIZE)
    assert "past_key and past_value do not go" in told(q, k, v, bias, None, None, past)
    beams = [None] * 5 + [np.zeros((BATCH, 1, 4), np.int32)]
    assert "the beams of a search are rearranged by" in told(q, k, v, bias, *beams)
