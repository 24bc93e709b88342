"""Products of integers, and what has its channels last, in standard operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import pyonnxtool as pot
from support.lowered_op import NEWEST, OPSETS, check

MS = "com.microsoft::"
ALL = (*OPSETS, NEWEST)
U8, I8, I32 = 2, 3, 6


def integers(*shape: int, dtype: Any = np.uint8, seed: int = 5) -> Any:
    """All sizes of the type."""
    info = np.iinfo(dtype)
    rng = np.random.default_rng(seed)
    return rng.integers(info.min, info.max + 1, shape).astype(dtype)


def floats(*shape: int, low: float = -1, high: float = 1) -> Any:
    """Spread evenly."""
    return np.random.default_rng(6).uniform(low, high, shape).astype(np.float32)


def scalar(value: Any, dtype: Any = np.float32) -> Any:
    """Of no axes."""
    return np.array(value, dtype)


@pytest.mark.parametrize("signed", [np.uint8, np.int8])
def test_mat_mul_integer_to_float(signed: Any) -> None:
    a, b = integers(2, 3, 8), integers(8, 5, dtype=signed)
    s, z = scalar(0.02), scalar(130, np.uint8)
    columns, zeros = floats(5, low=0.01, high=0.1), integers(5, dtype=signed, seed=8)
    given = [a, b, s, scalar(0.3), z, scalar(3, signed), floats(5)]
    check(f"{MS}MatMulIntegerToFloat", given, opsets=ALL, constant=(1, 2, 3, 4, 5, 6))
    check(f"{MS}MatMulIntegerToFloat", given[:4], opsets=(11, 23), open_sizes=True)
    check(f"{MS}MatMulIntegerToFloat", [a, b, s, columns, z, zeros, None], opsets=ALL)
    given = [a, b, s, columns, None, None, floats(5)]
    check(f"{MS}MatMulIntegerToFloat", given, opsets=ALL, constant=(1, 3, 6))


def test_a_product_to_half_precision() -> None:
    a, b = integers(3, 8), integers(8, 5)
    half = np.float16
    total = (a.astype(np.float64) - 3) @ b.astype(np.float64)
    wanted = (total * float(half(0.02)) * float(half(0.03)) + half(0.5)).astype(half)
    given = [a, b, scalar(0.02, half), scalar(0.03, half), scalar(3, np.uint8), None]
    given.append(np.full(5, 0.5, half))
    for constant in ((), (1, 2, 3, 4, 6)):
        where = {"expected": [wanted], "types": [10], "constant": constant}
        check(f"{MS}MatMulIntegerToFloat", given, opsets=ALL, **where)


@pytest.mark.parametrize("signed", [np.uint8, np.int8])
def test_dynamic_quantize_mat_mul(signed: Any) -> None:
    a, b = floats(2, 3, 8, low=-2), integers(8, 5, dtype=signed)
    columns, zeros = floats(5, low=0.01, high=0.1), integers(5, dtype=signed, seed=8)
    given = [a, b, scalar(0.3), scalar(3, signed), floats(5)]
    check(f"{MS}DynamicQuantizeMatMul", given, opsets=ALL, constant=(1, 2, 3, 4))
    check(f"{MS}DynamicQuantizeMatMul", given[:3], opsets=(11, 23), open_sizes=True)
    check(f"{MS}DynamicQuantizeMatMul", [a, b, columns, zeros], opsets=ALL, constant=(1, 2, 3))


@pytest.mark.parametrize("signed", [np.uint8, np.int8])
@pytest.mark.parametrize("alpha", [1.0, 0.7])
def test_qgemm(signed: Any, alpha: float) -> None:
    """Of an output that is quantized as well: bit for bit."""
    a, b = integers(4, 6), integers(6, 5, dtype=signed)
    s, zeros = floats(5, low=0.01, high=0.1), integers(5, dtype=signed, seed=8)
    c = np.arange(-1000, 1000, 100, dtype=np.int32).reshape(4, 5)
    more = [scalar(0.2), scalar(130, np.uint8)]
    given = [a, scalar(0.02), scalar(100, np.uint8), b, scalar(0.05), scalar(2, signed), c, *more]
    all_but = tuple(i for i in range(1, 9))
    check(f"{MS}QGemm", given, opsets=ALL, constant=all_but, types=[U8], alpha=alpha)
    check(f"{MS}QGemm", given, opsets=(11, 23), open_sizes=True, types=[U8], alpha=alpha)
    given[3:7] = [b.T.copy(), s, zeros, c[0]]
    given[0] = a.T.copy()
    turned = {"transA": 1, "transB": 1, "alpha": alpha}
    check(f"{MS}QGemm", given, opsets=ALL, constant=all_but, types=[U8], **turned)
    given[6] = None
    check(f"{MS}QGemm", given[:6], opsets=ALL, **turned)


def test_qgemm_of_signed_bytes() -> None:
    a, b = integers(4, 6, dtype=np.int8), integers(6, 5, dtype=np.int8)
    given = [a, scalar(0.02), scalar(-3, np.int8), b, scalar(0.05), scalar(2, np.int8), None]
    given += [scalar(0.2), scalar(-7, np.int8)]
    check(f"{MS}QGemm", given, opsets=ALL, constant=(1, 2, 3, 4, 5, 7, 8), types=[I8])


def test_products_of_16_bits() -> None:
    a, b = integers(2, 3, 4, dtype=np.int16) // 16, integers(4, 5, dtype=np.int16) // 16
    check(f"{MS}MatMulInteger16", [a, b], opsets=ALL, types=[I32])
    check(f"{MS}MatMulInteger16", [a, b], opsets=(11,), types=[I32], open_sizes=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_what_onnxruntime_itself_only_has_for_other_devices(dtype: Any) -> None:
    a, b = integers(2, 3, 4, dtype=dtype), integers(3, 1, dtype=dtype)
    wide = a.astype(np.int32)
    wanted = [(wide - 3) * (b.astype(np.int32) - 5)]
    given = [a, scalar(3, dtype), b, scalar(5, dtype)]
    check(f"{MS}MulInteger", given, expected=wanted, opsets=ALL, types=[I32])
    wanted = [wide * b]
    check(f"{MS}MulInteger", [a, None, b], expected=wanted, types=[I32])
    for keepdims in (0, 1):
        total = wide.sum(axis=(0, 2), keepdims=bool(keepdims), dtype=np.int32)
        total = total if dtype == np.int8 else total.astype(np.uint32)
        kind = [I32 if dtype == np.int8 else 12]
        sums = {"axes": [0, -1], "keepdims": keepdims, "types": kind}
        check(f"{MS}ReduceSumInteger", [a], expected=[total], opsets=ALL, **sums)


WINDOWS: list[dict[str, Any]] = [
    {},
    {"strides": [2, 1], "pads": [1, 0, 2, 1]},
    {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
    {"dilations": [2, 1]},
]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_nhwc_max_pool(window: dict[str, Any], dtype: Any) -> None:
    x = integers(2, 9, 8, 3, dtype=dtype)
    kind = {"types": [U8 if dtype == np.uint8 else I8], "kernel_shape": [3, 2], **window}
    check(f"{MS}NhwcMaxPool", [x], opsets=ALL, **kind)
    check(f"{MS}NhwcMaxPool", [x], opsets=(11,), open_sizes=True, **kind)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("last", [0, 1])
def test_qlinear_conv(window: dict[str, Any], last: int) -> None:
    x, w = integers(2, 9, 8, 4), integers(6, 2, 3, 3, dtype=np.int8)
    if not last:
        x = np.moveaxis(x, 3, 1).copy()
    columns = floats(6, low=0.01, high=0.02)
    given = [x, scalar(0.02), scalar(100, np.uint8), w, columns, np.zeros(6, np.int8)]
    given += [scalar(0.3), scalar(90, np.uint8), np.arange(-300, 300, 100, dtype=np.int32)]
    kind = {"types": [U8], "channels_last": last, "group": 2, **window}
    check(f"{MS}QLinearConv", given, opsets=ALL, constant=tuple(range(1, 9)), **kind)
    fed = {"open_sizes": True, "constant": (1, 2, 4, 5, 6, 7)}
    check(f"{MS}QLinearConv", given[:8], opsets=(11,), **fed, **kind)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_nhwc_conv(dtype: Any) -> None:
    x, w, b = floats(2, 6, 5, 2), floats(3, 2, 3, 3), floats(3)
    conv = sum(
        np.einsum("nhwc,oc->nhwo", x[:, i : i + 4, j : j + 3], w[:, :, i, j], dtype=np.float64)
        for i in range(3)
        for j in range(3)
    )
    z = floats(2, 4, 3, 3).astype(dtype)
    given = [one.astype(dtype) for one in (x, w, b)]
    kind = {"types": [1 if dtype == np.float32 else 10]}
    wanted = [(conv + b).astype(dtype)]
    check(f"{MS}NhwcConv", given, expected=wanted, opsets=ALL, **kind)
    wanted = [np.maximum(conv + b + z, 0).astype(dtype)]
    options = {"activation": "Relu", "constant": (1, 2), **kind}
    check(f"{MS}NhwcFusedConv", [*given, z], expected=wanted, opsets=ALL, **options)
    fed = {"open_sizes": True, "activation": "Relu", **kind}
    check(f"{MS}NhwcFusedConv", [*given, z], expected=wanted, opsets=(11,), **fed)


def chain() -> onnx.ModelProto:
    """Products that are quantized when the model runs, with FastGelu between them."""
    nodes, weights = [], []
    for i in range(4):
        w = integers(64, 64, dtype=np.int8, seed=i)
        bias = np.random.default_rng(i).uniform(-1, 1, 64).astype(np.float32)
        arrays = (w, scalar(0.0017), scalar(0, np.int8), bias)
        names = [f"w{i}", f"s{i}", f"z{i}", f"b{i}"]
        weights += [numpy_helper.from_array(*one) for one in zip(arrays, names, strict=True)]
        given, domain = [f"x{i}", *names], "com.microsoft"
        nodes.append(helper.make_node("DynamicQuantizeMatMul", given, [f"m{i}"], domain=domain))
        nodes.append(helper.make_node("FastGelu", [f"m{i}"], [f"x{i + 1}"], domain=domain))
    x, y = (helper.make_tensor_value_info(name, 1, [2048, 64]) for name in ("x0", "x4"))
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def test_a_last_bit_that_moves_integers_later_is_no_fault() -> None:
    """FastGelu differs in the last bit, and of many numbers some are rounded to another integer."""
    x = np.random.default_rng(2).standard_normal((2048, 64)).astype(np.float32)
    made = pot.lower(pot.from_proto(chain()), verify=1, inputs={"x0": x})
    assert made.report.verification is not None
    assert made.report.verification.drifted == ("x4",)
