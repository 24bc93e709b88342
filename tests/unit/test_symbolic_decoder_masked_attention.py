"""Attentions that decode one element at a time, in standard operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from support.downgraded import run_ort
from support.lowered_op import NEWEST, OPSETS, check, feeds_of, model_of, refusal

Array = NDArray[Any]
ALL = (*OPSETS, NEWEST)
BATCH, HEADS, SIZE, ROOM, USED = 2, 2, 8, 7, 4
HIDDEN = HEADS * SIZE
MULTI_HEAD = "com.microsoft::DecoderMaskedMultiHeadAttention"
SELF = "com.microsoft::DecoderMaskedSelfAttention"
RNG = np.random.default_rng(0)


def some(*shape: int) -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape, dtype=np.float32)


SEEN = np.array([[1, 1, 1, 0, 1], [0, 0, 1, 1, 1]], np.int32)


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_a_past_in_a_buffer(masked: bool, open_sizes: bool) -> None:
    rows = [some(BATCH, 1, HIDDEN) for _ in range(3)]
    buffers = [some(BATCH, HEADS, ROOM, SIZE) for _ in range(2)]
    used = np.array([USED], np.int32)
    masks = [SEEN, some(1, HEADS, 1, USED + 1)] if masked else [None, None]
    for bias in (None, some(3 * HIDDEN)):
        if open_sizes and bias is not None:
            continue
        check(
            MULTI_HEAD,
            [*rows, *masks, *buffers, used, None, None, bias],
            3,
            types=[1] * 3,
            opsets=ALL if masked else (17,),
            open_sizes=open_sizes,
            num_heads=HEADS,
            past_present_share_buffer=1,
        )


@pytest.mark.parametrize("open_sizes", [False, True])
def test_keys_of_an_encoder(open_sizes: bool) -> None:
    others = [some(BATCH, HEADS, 5, SIZE) for _ in range(2)]
    for mask in (None, SEEN):
        check(
            MULTI_HEAD,
            [some(BATCH, 1, HIDDEN), *others, mask],
            [True, False, False, True],
            types=[1] * 4,
            opsets=(11, 23),
            open_sizes=open_sizes,
            num_heads=HEADS,
            output_qk=1,
            scale=0.3,
        )


def reordered(keys: Array) -> Array:
    """As buffers have them: 16 bytes of each key, then those of the next."""
    chunk = 16 // keys.itemsize
    apart = keys.reshape(BATCH, HEADS, ROOM, SIZE // chunk, chunk).transpose(0, 1, 3, 2, 4)
    return apart.reshape(keys.shape)


@pytest.mark.parametrize("shared", [False, True])
def test_self_attention(shared: bool) -> None:
    """As Attention with the same past does it."""
    operands = [some(BATCH, 1, 6), some(6, 3 * HIDDEN), some(3 * HIDDEN), SEEN]
    past = some(2, BATCH, HEADS, ROOM if shared else USED, SIZE)
    used = np.array([USED], np.int32)
    plain = [*operands, past[:, :, :, :USED].copy()]
    model = model_of("com.microsoft::Attention", plain, 2, num_heads=HEADS)
    made, present = run_ort(model, feeds_of(plain))
    given = past
    if shared:
        present = np.concatenate([present, past[:, :, :, USED + 1 :]], axis=3)
        given, present = (np.stack([reordered(one[0]), one[1]]) for one in (past, present))
    check(
        SELF,
        [*operands, given, None, used],
        2,
        expected=[made, present],
        types=[1, 1],
        opsets=(11, 17, 23),
        num_heads=HEADS,
        past_present_share_buffer=int(shared),
    )


def test_what_is_refused() -> None:
    rows = [some(BATCH, 1, HIDDEN) for _ in range(3)]
    beams = np.zeros((1, BATCH, ROOM), np.int32)
    model = model_of(MULTI_HEAD, [*rows, *[None] * 6, beams], num_heads=HEADS)
    assert "the beams of a search are rearranged by its input `cache_indirection`" in refusal(model)
    past = some(2, BATCH, HEADS, ROOM, 6)
    operands = [some(BATCH, 1, 6), some(6, 36), some(36), None, past, None, np.array([1], np.int32)]
    model = model_of(SELF, operands, 2, num_heads=HEADS, past_present_share_buffer=1)
    assert "heads of 6 elements do not fill 16 bytes each" in refusal(model)
