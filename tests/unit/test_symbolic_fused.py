"""Products and convolutions with what onnxruntime has fused into them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.lowered_op import NEWEST, OPSETS, check, model_of, refusal

MS = "com.microsoft::"
ALL = (*OPSETS, NEWEST)
CONV = [
    {},
    {"activation": "Relu"},
    {"activation": "Tanh", "strides": [2, 1], "pads": [1, 0, 1, 2]},
    {"activation": "Sigmoid", "auto_pad": "SAME_UPPER"},
    {"activation": "LeakyRelu", "activation_params": [0.3], "dilations": [2, 1]},
    {"activation": "Clip", "activation_params": [-0.5, 0.25], "kernel_shape": [3, 3]},
    {"activation": "HardSigmoid", "activation_params": [0.3, 0.4]},
]
ACTIVATIONS: list[dict[str, Any]] = [
    {"activation": "Relu"},
    {"activation": "Sigmoid"},
    {"activation": "Tanh"},
    {"activation": "Softplus"},
    {"activation": "Softsign"},
    {"activation": "LeakyRelu", "activation_alpha": 0.3},
    {"activation": "Elu", "activation_alpha": 0.7},
    {"activation": "ThresholdedRelu", "activation_alpha": 0.7},
    {"activation": "HardSigmoid", "activation_alpha": 0.3, "activation_beta": 0.4},
    {"activation": "Selu", "activation_alpha": 1.5, "activation_gamma": 1.1},
]


def normal(*shape: int, dtype: Any = np.float32) -> Any:
    """Of a fixed seed."""
    return np.random.default_rng(7).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("attributes", CONV, ids=lambda one: one.get("activation", "none"))
def test_fused_conv(attributes: dict[str, Any]) -> None:
    x, w, b = normal(2, 4, 9, 8), normal(6, 2, 3, 3), normal(6)
    check(f"{MS}FusedConv", [x, w, b], opsets=ALL, constant=(1, 2), group=2, **attributes)
    check(f"{MS}FusedConv", [x, w], opsets=(11,), open_sizes=True, group=2, **attributes)


def test_fused_conv_with_a_sum() -> None:
    x, w, b, z = normal(1, 3, 7, 6), normal(4, 3, 3, 3), normal(4), normal(1, 4, 5, 4)
    check(f"{MS}FusedConv", [x, w, b, z], opsets=ALL, constant=(1, 2), activation="Relu")
    check(f"{MS}FusedConv", [x, w, None, z], opsets=(11,), open_sizes=True)


def test_activations_that_are_not_known() -> None:
    x, w = normal(1, 3, 7, 6), normal(4, 3, 3, 3)
    given = model_of(f"{MS}FusedConv", [x, w], activation="Swoosh")
    assert "its activation 'Swoosh' is not known" in refusal(given)
    given = model_of(f"{MS}FusedConv", [x, w], activation="Clip")
    assert "its activation Clip has no two bounds in `activation_params`" in refusal(given)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda one: one.get("activation", "none"))
def test_fused_gemm(activation: dict[str, Any]) -> None:
    a, b, c = normal(4, 3), normal(5, 4), normal(5)
    attributes = {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0, **activation}
    check(f"{MS}FusedGemm", [a, b, c], opsets=ALL, constant=(1, 2), **attributes)
    check(f"{MS}FusedGemm", [a.T.copy(), b.T.copy()], opsets=(11,), open_sizes=True, **activation)


PRODUCTS = [
    ((2, 3, 4), (2, 4, 5), {}),
    ((2, 4, 3), (2, 5, 4), {"transA": 1, "transB": 1, "alpha": 0.125}),
    ((4, 3), (2, 4, 5), {"transA": 1}),
    ((4,), (5, 4), {"transA": 1, "transB": 1}),
    ((3, 4), (4,), {"transB": 1}),
    ((3, 2, 4), (2, 4, 5), {"transBatchA": 1}),
    ((3, 6, 2, 4), (6, 2, 4, 5), {"transBatchA": 1, "alpha": -2.0}),
    ((2, 3, 4), (5, 2, 4), {"transBatchB": 1, "transB": 1}),
    ((4, 2, 6, 3), (5, 2, 6, 4), {"transBatchA": 1, "transA": 1, "transBatchB": 1, "transB": 1}),
    ((4, 2, 6, 3), (4, 2, 6, 5), {"transBatchA": 1, "transA": 1, "transBatchB": 1}),
]


@pytest.mark.parametrize(("a", "b", "attributes"), PRODUCTS)
def test_fused_mat_mul(a: tuple[int, ...], b: tuple[int, ...], attributes: dict[str, Any]) -> None:
    given = [normal(*a), normal(*b)]
    check(f"{MS}FusedMatMul", given, opsets=ALL, **attributes)
    check(f"{MS}FusedMatMul", given, opsets=(11, 17), open_sizes=True, constant=(1,), **attributes)


def test_transposed_products_of_old_files() -> None:
    given = [normal(2, 4, 3), normal(2, 5, 4)]
    check(f"{MS}TransposeMatMul", given, opsets=ALL, transA=1, transB=1, alpha=0.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_what_onnxruntime_itself_only_has_for_other_devices(dtype: Any) -> None:
    a, b, bias = normal(2, 4, 3, dtype=dtype), normal(2, 4, 5, dtype=dtype), normal(5, dtype=dtype)
    kinds = [int({"e": 10, "f": 1, "d": 11}[np.dtype(dtype).char])]
    wide = np.swapaxes(a, 1, 2).astype(np.float64) @ b.astype(np.float64)
    check(
        f"{MS}FusedMatMulActivation",
        [a, b],
        expected=[np.maximum(wide * 0.5, 0).astype(dtype)],
        opsets=ALL,
        types=kinds,
        transA=1,
        alpha=0.5,
        activation="Relu",
    )
    if dtype == np.float64:
        return
    summed = wide + bias
    gelu = 0.5 * summed * (1 + np.tanh(np.sqrt(2 / np.pi) * (summed + 0.044715 * summed**3)))
    given = [np.swapaxes(a, 1, 2).copy(), b, bias]
    check(f"{MS}GemmFastGelu", given, expected=[gelu.astype(dtype)], opsets=ALL, types=kinds)


def test_a_product_of_unknown_rank() -> None:
    given = model_of(f"{MS}FusedMatMul", [normal(3, 4), normal(4, 5)], transA=1)
    given.graph.input[0].type.tensor_type.ClearField("shape")
    assert "the rank of A is only known when the model runs" in refusal(given)
