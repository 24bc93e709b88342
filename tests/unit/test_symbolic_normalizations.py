"""Normalizations that onnxruntime fuses, in standard operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from support.lowered_op import NEWEST, OPSETS, check, model_of, refusal

Array = NDArray[Any]
ALL = (*OPSETS, NEWEST)
ELEM = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "float16": TensorProto.FLOAT16}
RNG = np.random.default_rng(0)


def some(*shape: int, dtype: str = "float32") -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("skip", [(2, 3, 8), (1, 3, 8), (3, 8)])
def test_skip_layer_normalization(dtype: str, skip: tuple[int, ...], open_sizes: bool) -> None:
    x, gamma, beta, bias = some(2, 3, 8), some(8), some(8), some(8)
    for tail in ([], [beta], [beta, bias], [None, bias]):
        inputs = [
            one if one is None else one.astype(dtype) for one in (x, some(*skip), gamma, *tail)
        ]
        check(
            "com.microsoft::SkipLayerNormalization",
            inputs,
            outputs=[True, False, False, True],
            types=[ELEM[dtype]] * 4,
            opsets=ALL if skip == (3, 8) else (17,),
            constant=(2, 3),
            open_sizes=open_sizes,
            epsilon=1e-5,
        )


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("shape", [(2, 3, 8), (3, 8)])
def test_skip_simplified_layer_normalization(
    dtype: str, shape: tuple[int, ...], open_sizes: bool
) -> None:
    for tail in ([], [some(8, dtype=dtype)]):
        inputs = [some(*shape, dtype=dtype), some(*shape, dtype=dtype), some(8, dtype=dtype)]
        check(
            "com.microsoft::SkipSimplifiedLayerNormalization",
            [*inputs, *tail],
            outputs=[True, False, False, True],
            types=[ELEM[dtype]] * 4,
            opsets=ALL if len(shape) == 3 else (17,),
            open_sizes=open_sizes,
        )


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("axis", [-1, 1, -2])
def test_simplified_layer_normalization(dtype: str, axis: int, open_sizes: bool) -> None:
    x = some(2, 3, 8, dtype=dtype)
    scale = some(*x.shape[axis:], dtype=dtype)
    check(
        "ai.onnx::SimplifiedLayerNormalization",
        [x, scale],
        types=[ELEM[dtype]],
        opsets=ALL if axis == -1 else (17,),
        constant=(1,),
        open_sizes=open_sizes,
        axis=axis,
    )


def test_the_reciprocal_root_of_the_mean_square() -> None:
    x, scale = some(2, 3, 8), some(8)
    root = 1 / np.sqrt((x.astype(np.float64) ** 2).mean(-1, keepdims=True) + 1e-5)
    found = [(x * root * scale).astype(np.float32), root.astype(np.float32)]
    check("ai.onnx::SimplifiedLayerNormalization", [x, scale], 2, expected=found)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_layer_normalization_before_its_opset(dtype: str) -> None:
    x, scale, bias = (some(*shape, dtype=dtype) for shape in ((2, 3, 8), (8,), (8,)))
    kinds = [ELEM[dtype]]
    check("ai.onnx::LayerNormalization", [x, scale, bias], types=kinds, opsets=(11, 13, 16))


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("positions", [None, 1, 2])
@pytest.mark.parametrize("mask", [False, True])
def test_embed_layer_normalization(positions: int | None, mask: bool, open_sizes: bool) -> None:
    words, places, kinds = some(7, 8), some(6, 8), some(2, 8)
    ids = RNG.integers(0, 7, (2, 4), np.int32)
    segments = RNG.integers(0, 2, (2, 4), np.int32)
    given = None if positions is None else RNG.integers(0, 6, (positions, 4), np.int32)
    seen = np.array([[1, 1, 1, 0], [1, 0, 0, 0]], np.int32) if mask else None
    for chosen in ((segments, kinds), (None, kinds), (None, None)):
        check(
            "com.microsoft::EmbedLayerNormalization",
            [ids, chosen[0], words, places, chosen[1], some(8), some(8), seen, given],
            outputs=[True, True, True],
            types=[TensorProto.FLOAT, TensorProto.INT32, TensorProto.FLOAT],
            opsets=ALL if mask else (17,),
            constant=(2, 3, 4, 5, 6),
            open_sizes=open_sizes,
        )


def group_norm(x: Array, gamma: Array, beta: Array, groups: int, swish: int) -> Array:
    """With channels last."""
    n, h, w, c = x.shape
    parts = x.astype(np.float64).reshape(n, h, w, groups, c // groups)
    mean = parts.mean((1, 2, 4), keepdims=True)
    root = np.sqrt(parts.var((1, 2, 4), keepdims=True) + 1e-5)
    made: Array = ((parts - mean) / root).reshape(x.shape) * gamma + beta
    return (made / (1 + np.exp(-made)) if swish else made).astype(x.dtype)


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("swish", [0, 1])
def test_group_norm(dtype: str, swish: int, open_sizes: bool) -> None:
    x, gamma, beta = some(2, 3, 4, 6, dtype=dtype), some(6), some(6)
    for last in (1, 0):
        check(
            "com.microsoft::GroupNorm",
            [x if last else x.transpose(0, 3, 1, 2).copy(), gamma, beta],
            expected=[
                made if last else made.transpose(0, 3, 1, 2)
                for made in [group_norm(x, gamma, beta, 3, swish)]
            ],
            types=[ELEM[dtype]],
            opsets=ALL if last else (17,),
            constant=(1, 2),
            open_sizes=open_sizes,
            groups=3,
            activation=swish,
            **({} if last else {"channels_last": 0}),
        )


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (2, 1, 1, 6), (2, 6)])
@pytest.mark.parametrize("biased", [False, True])
def test_skip_group_norm(shape: tuple[int, ...], biased: bool) -> None:
    x, gamma, beta, skip, bias = some(2, 3, 4, 6), some(6), some(6), some(*shape), some(6)
    total = x + (skip[:, None, None] if skip.ndim == 2 else skip)
    total = total + bias if biased else total
    check(
        "com.microsoft::SkipGroupNorm",
        [x, gamma, beta, skip, bias if biased else None],
        outputs=2,
        expected=[group_norm(total, gamma, beta, 2, 1), total],
        opsets=ALL,
        groups=2,
        activation=1,
    )


def test_what_is_refused() -> None:
    x, gamma = some(2, 3, 4, 6), some(6)
    inputs = [x, gamma, gamma]
    model = model_of("com.microsoft::GroupNorm", inputs, groups=2, activation=2)
    assert "activation=2 is neither 0 (none) nor 1 (SiLU)" in refusal(model)
    model = model_of("com.microsoft::GroupNorm", [x[0], gamma, gamma], groups=2, activation=1)
    assert "its input has rank 3, not 4" in refusal(model)
    skipped = [*inputs, x]
    options = {"groups": 2, "activation": 0}
    model = model_of("com.microsoft::SkipGroupNorm", skipped, channels_last=0, **options)
    assert "channels_last=0 is not defined for it" in refusal(model)
    model = model_of("com.microsoft::SkipGroupNorm", [*inputs, x[0]], **options)
    assert "its input `skip` has rank 3, not 2 or 4" in refusal(model)
    model = model_of("com.microsoft::SkipSimplifiedLayerNormalization", [x[0], x[0], gamma], 2)
    assert "its output `mean` is read, which this normalization" in refusal(model)
