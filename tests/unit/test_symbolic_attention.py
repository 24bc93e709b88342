"""Attention of com.microsoft in standard operators."""

from __future__ import annotations

import itertools
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from support.lowered_op import NEWEST, OPSETS, check, lowered, model_of, refusal

Array = NDArray[Any]
ALL = (*OPSETS, NEWEST)
OP = "com.microsoft::Attention"
BATCH, LENGTH, HIDDEN, HEADS = 2, 5, 8, 2
RNG = np.random.default_rng(0)


def some(*shape: int) -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape, dtype=np.float32)


def operands(values: int = HIDDEN) -> list[Array]:
    """Input, weights, bias."""
    return [some(BATCH, LENGTH, 6), some(6, 2 * HIDDEN + values), some(2 * HIDDEN + values)]


MASKS = {
    "none": None,
    "ends": np.array([3, 5], np.int32),
    "none is seen": np.array([0, 5], np.int32),
    "ends and starts": np.array([4, 5, 1, 0], np.int32),
    "ends and sums": np.array([4, 5, 0, 4, 9, 0, 4, 9], np.int32),
    "keys": np.array([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0]], np.int32),
    "queries and keys": RNG.integers(0, 2, (BATCH, LENGTH, LENGTH), np.int32),
}


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("mask", MASKS)
def test_masks(mask: str, open_sizes: bool) -> None:
    for causal in (0, 1):
        check(
            OP,
            [*operands(), MASKS[mask]],
            opsets=ALL if mask in ("none", "ends and starts") else (17,),
            constant=(1, 2),
            open_sizes=open_sizes,
            num_heads=HEADS,
            unidirectional=causal,
        )


def test_only_1_turns_something_on() -> None:
    check(OP, operands(), opsets=(17,), num_heads=HEADS, unidirectional=2)
    check(OP, operands(), opsets=(17,), num_heads=HEADS, unidirectional=-1, do_rotary=3)


@pytest.mark.parametrize("open_sizes", [False, True])
def test_weights_that_are_fed_and_other_attributes(open_sizes: bool) -> None:
    x, weights, bias = operands(values=12)
    for scale, hidden in itertools.product((0.3, None), (-3.4e38, None)):
        options = {"scale": scale, "mask_filter_value": hidden}
        check(
            OP,
            [x, weights, bias, MASKS["keys"]],
            opsets=(11, 23),
            open_sizes=open_sizes,
            num_heads=HEADS,
            qkv_hidden_sizes=[HIDDEN, HIDDEN, 12],
            **{name: one for name, one in options.items() if one is not None},
        )
    check(OP, operands(), opsets=(17,), open_sizes=open_sizes, num_heads=HEADS)
    x, weights, _ = operands()  # without a bias, onnxruntime crashes
    found = [reference(x, weights, np.zeros(()))[0].astype(np.float32)]
    check(OP, [x, weights], expected=found, open_sizes=open_sizes, num_heads=HEADS)


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize(("batches", "heads"), [(1, 1), (BATCH, 1), (1, HEADS), (BATCH, HEADS)])
def test_a_bias_of_the_scores(batches: int, heads: int, open_sizes: bool) -> None:
    added = some(batches, heads, LENGTH, LENGTH)
    for mask in (None, MASKS["keys"]):
        check(
            OP,
            [*operands(), mask, None, added],
            opsets=(17,),
            open_sizes=open_sizes,
            num_heads=HEADS,
            unidirectional=1,
        )


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("length", [0, 3])
@pytest.mark.parametrize("causal", [0, 1])
def test_past_and_present(causal: int, length: int, open_sizes: bool) -> None:
    past = some(2, BATCH, HEADS, length, HIDDEN // HEADS)
    for mask in (None, RNG.integers(0, 2, (BATCH, length + LENGTH), np.int32)):
        check(
            OP,
            [*operands(), mask, past],
            2,
            opsets=ALL if mask is None else (17,),
            constant=(1, 2),
            open_sizes=open_sizes,
            num_heads=HEADS,
            unidirectional=causal,
        )


def test_one_query_and_a_present_without_a_past() -> None:
    x, weights, bias = operands()
    past = some(2, BATCH, HEADS, 3, HIDDEN // HEADS)
    options = {"num_heads": HEADS, "unidirectional": 1}
    check(OP, [x[:, :1].copy(), weights, bias, None, past], 2, opsets=(11, 17), **options)
    check(OP, [x, weights, bias], 2, opsets=(11, 17), **options)


def reference(
    x: Array, weights: Array, bias: Array, seen: Array | None = None, past: Array | None = None
) -> tuple[Array, Array]:
    """In float64, without a direction: the output, and keys and values with those of the past."""
    packed = x.astype(np.float64) @ weights.astype(np.float64) + bias
    parts = [
        one.reshape(*one.shape[:2], HEADS, -1).swapaxes(1, 2) for one in np.split(packed, 3, -1)
    ]
    q, k, v = parts
    if past is not None:
        k, v = (np.concatenate([old, new], 2) for old, new in zip(past, (k, v), strict=True))
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if seen is not None:
        scores = scores + np.where(seen, 0, -10000.0)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    made = (powers / powers.sum(-1, keepdims=True)) @ v
    return made.swapaxes(1, 2).reshape(*x.shape[:2], -1), np.stack([k, v])


def test_of_float16() -> None:
    given = [one.astype(np.float16) for one in operands()]
    mask = MASKS["ends and starts"]
    places = np.arange(LENGTH)
    seen = (places < mask[:2, None]) & (places >= mask[2:, None])
    expected, _ = reference(*given, seen=seen[:, None, None])
    kinds = [TensorProto.FLOAT16]
    found = [expected.astype(np.float16)]
    check(OP, [*given, mask], expected=found, types=kinds, num_heads=HEADS)


def test_bfloat16() -> None:
    """No kernel runs here in it; the model is valid at each opset."""
    given = [one.astype(ml_dtypes.bfloat16) for one in operands()]
    mask = MASKS["keys"]
    for opset, causal in itertools.product((13, 22), (0, 1)):
        options = {"num_heads": HEADS, "unidirectional": causal, "opset": opset}
        model = model_of(OP, [*given, mask], types=[TensorProto.BFLOAT16], **options)
        for size in (BATCH, LENGTH, HIDDEN):
            model.graph.output[0].type.tensor_type.shape.dim.add().dim_value = size
        made = lowered(model)
        assert all(
            np.isfinite(numpy_helper.to_array(one).astype(float)).all()
            for one in made.graph.initializer
        )


@pytest.mark.parametrize("open_sizes", [False, True])
def test_a_square_mask_for_the_longest_sequence(open_sizes: bool) -> None:
    given, past = operands(), some(2, BATCH, HEADS, 2, HIDDEN // HEADS)
    mask = np.tril(np.ones((9, 9), np.int32))[None, None].repeat(BATCH, 0)
    expected, _ = reference(*given, seen=mask[:, :, 2:7, :7], past=past)
    inputs = [*given, mask, past]
    found = [expected.astype(np.float32)]
    check(OP, inputs, expected=found, open_sizes=open_sizes, num_heads=HEADS, opsets=ALL)


@pytest.mark.parametrize("open_sizes", [False, True])
def test_a_past_in_a_buffer_with_room(open_sizes: bool) -> None:
    given, buffer = operands(), some(2, BATCH, HEADS, 9, HIDDEN // HEADS)
    for causal, used in itertools.product((0, 1), (0, 3, 4)):
        seen = np.arange(used + LENGTH) <= used + np.arange(LENGTH)[:, None]
        output, both = reference(*given, seen=seen if causal else None, past=buffer[:, :, :, :used])
        present = np.concatenate([both, buffer[:, :, :, used + LENGTH :]], 3)
        check(
            OP,
            [*given, None, buffer, None, np.array([used], np.int32)],
            2,
            expected=[output.astype(np.float32), present.astype(np.float32)],
            opsets=ALL if used == 3 else (17,),
            open_sizes=open_sizes,
            num_heads=HEADS,
            unidirectional=causal,
            past_present_share_buffer=1,
        )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"num_heads": 3}, "num_heads=3 does not divide the hidden size 8"),
        ({"num_heads": 2, "do_rotary": 1}, "do_rotary=1 rotates by angles that only some kernels"),
        (
            {"num_heads": 2, "past_present_share_buffer": 1},
            "needs its input `past_sequence_length`",
        ),
        ({"num_heads": 2, "qkv_hidden_sizes": [8, 4, 12]}, "[8, 4, 12] are not those of Q, K and"),
        ({"num_heads": 2, "qkv_hidden_sizes": [8, 8, 12]}, "24 columns of weights are not those"),
        ({}, "Attention has no attribute 'num_heads' and it has no default"),
    ],
)
def test_what_is_refused(options: dict[str, Any], told: str) -> None:
    assert told in refusal(model_of(OP, operands(), **options))


def test_masks_that_are_refused() -> None:
    given = operands()
    model = model_of(OP, [*given, np.zeros((1, 1, 1, 1, 1), np.int32)], num_heads=2)
    assert "its mask has rank 5" in refusal(model)
    model.graph.input[-1].type.tensor_type.ClearField("shape")
    assert "the rank of its mask is only known when the model runs" in refusal(model)
