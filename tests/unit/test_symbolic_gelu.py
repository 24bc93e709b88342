"""GELU of com.microsoft, and sums with a bias, in standard operators."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from support.lowered_op import NEWEST, OPSETS, check, model_of, refusal

Array = NDArray[Any]
X: Array = np.linspace(-6, 6, 60, dtype=np.float32).reshape(3, 4, 5)
BIAS: Array = np.linspace(-1, 1, 5, dtype=np.float32)
ALL = (*OPSETS, NEWEST)
HALF = [TensorProto.FLOAT16]


def gelu_of(x: Array) -> Array:
    """By tanh; within 5e-4 of the one by the error function."""
    wide = x.astype(np.float64)
    inner = np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)
    made: Array = (0.5 * wide * (1 + np.tanh(inner))).astype(x.dtype)
    return made


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize(
    ("operator", "inputs"),
    [("Gelu", [X]), ("BiasGelu", [X, BIAS]), ("FastGelu", [X]), ("FastGelu", [X, BIAS])],
)
def test_gelu(operator: str, inputs: list[Array], open_sizes: bool) -> None:
    check(f"com.microsoft::{operator}", inputs, opsets=ALL, open_sizes=open_sizes)
    constant = range(1, len(inputs))
    check(f"com.microsoft::{operator}", inputs, constant=constant, open_sizes=open_sizes)


@pytest.mark.parametrize("alpha", [None, 1.0, -0.5])
def test_quick_gelu(alpha: float | None) -> None:
    options = {} if alpha is None else {"alpha": alpha}
    check("com.microsoft::QuickGelu", [X], opsets=ALL, **options)
    check("com.microsoft::QuickGelu", [X], opsets=(11,), open_sizes=True, **options)


def test_of_float16() -> None:
    x, bias = X.astype(np.float16), BIAS.astype(np.float16)
    wide = x.astype(np.float64)
    quick = (wide / (1 + np.exp(-1.702 * wide))).astype(np.float16)
    fast = gelu_of(x + bias)
    check("com.microsoft::QuickGelu", [x], expected=[quick], types=HALF)
    check("com.microsoft::FastGelu", [x, bias], expected=[fast], types=HALF)


@pytest.mark.parametrize("open_sizes", [False, True])
def test_bias_split_gelu(open_sizes: bool) -> None:
    x = np.linspace(-3, 3, 48, dtype=np.float32).reshape(2, 3, 8)
    bias = np.linspace(-1, 1, 8, dtype=np.float32)
    left, right = np.split(x + bias, 2, axis=-1)
    gate = gelu_by_erf(right)
    found = [left * gate]
    operator = "com.microsoft::BiasSplitGelu"
    check(operator, [x, bias], expected=found, opsets=ALL, open_sizes=open_sizes)


def gelu_by_erf(x: Array) -> Array:
    """Gelu by the error function."""
    phi = np.vectorize(math.erf)(x.astype(np.float64) / np.sqrt(2))
    made: Array = (0.5 * x * (1 + phi)).astype(x.dtype)
    return made


@pytest.mark.parametrize("open_sizes", [False, True])
def test_bias_add(open_sizes: bool) -> None:
    skip = X[::-1].copy()
    check(
        "com.microsoft::BiasAdd",
        [X, BIAS, skip],
        expected=[X + BIAS + skip],
        opsets=ALL,
        open_sizes=open_sizes,
    )


def softmax(x: Array, axes: tuple[int, ...]) -> Array:
    """Over several axes at once."""
    powers = np.exp(x.astype(np.float64) - x.max(axis=axes, keepdims=True))
    made: Array = (powers / powers.sum(axis=axes, keepdims=True)).astype(x.dtype)
    return made


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("axis", [-1, 3, 2, 1])
@pytest.mark.parametrize("shape", [(2, 1, 1, 5), (1, 1, 4, 5), (4, 5)])
def test_bias_softmax(axis: int, shape: tuple[int, ...], open_sizes: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 4, 5), dtype=np.float32)
    bias = rng.standard_normal(shape, dtype=np.float32)
    check(
        "com.microsoft::BiasSoftmax",
        [x, bias],
        expected=[softmax(x + bias, tuple(range(axis % 4, 4)))],
        opsets=(11, 17, 23),
        open_sizes=open_sizes,
        axis=axis,
        is_inner_broadcast=int(shape[0] == 2),
    )


def test_bias_dropout_drops_nothing() -> None:
    skip = X[::-1].copy()
    kinds = [TensorProto.FLOAT, TensorProto.BOOL]
    for residual, total in ((skip, X + BIAS + skip), (None, X + BIAS)):
        check(
            "com.microsoft::BiasDropout",
            [X, BIAS, residual, np.array(0.3, np.float32), np.array(False)],
            outputs=2,
            expected=[total, np.ones(X.shape, np.bool_)],
            constant=(4,),
            types=kinds,
        )
    check("com.microsoft::BitmaskBiasDropout", [X, BIAS], expected=[X + BIAS], opsets=(17,))
    check("com.microsoft::BitmaskDropout", [X], expected=[X], opsets=(17,))


def test_what_is_refused() -> None:
    ratio, training = np.array(0.3, np.float32), np.array(True)
    inputs = [X, BIAS, None, ratio, training]
    for constant in ((3, 4), (4,), ()):
        told = refusal(model_of("com.microsoft::BiasDropout", inputs, constant=constant))
        assert "it drops elements at random; export the model for inference" in told
    model = model_of("com.microsoft::BitmaskDropout", [X], 2, types=[1, TensorProto.UINT32])
    assert "its mask of bits is read" in refusal(model)
    model = model_of("com.microsoft::BiasSoftmax", [X, BIAS], axis=3, is_inner_broadcast=0)
    assert "axis=3 is outside the rank" in refusal(model)
    model = model_of("com.microsoft::QuickGelu", [np.arange(3)])
    assert "'x0' has elements of int64" in refusal(model)
