"""Averages and Softmax of quantized tensors: equal to onnxruntime's kernels bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import helper

import pyonnxtool as pot
from support.downgraded import run_ort
from support.lowered_op import NEWEST, check, feeds_of, model_of, refusal

MS = "com.microsoft::"
POOLS: list[dict[str, Any]] = [
    {"kernel_shape": [3, 2]},
    {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]},
    {"kernel_shape": [3, 3], "pads": [1, 0, 2, 1], "count_include_pad": 1},
    {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    {"kernel_shape": [3, 2], "auto_pad": "SAME_UPPER", "strides": [2, 2]},
]


def case(dtype: Any, *shape: int, scales: tuple[float, float], zeros: tuple[int, int]) -> list[Any]:
    """A tensor, its scale and zero point, those of the output."""
    info = np.iinfo(dtype)
    x = np.random.default_rng(4).integers(info.min, info.max + 1, shape).astype(dtype)
    first, second = (np.array(one, np.float32) for one in scales)
    return [x, first, np.array(zeros[0], dtype), second, np.array(zeros[1], dtype)]


def code(dtype: Any) -> list[int]:
    """TensorProto's."""
    return [2 if dtype == np.uint8 else 3]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_average_pool(pool: dict[str, Any], dtype: Any) -> None:
    for last in (0, 1):
        shape = (2, 9, 8, 3) if last else (2, 3, 9, 8)
        given = case(dtype, *shape, scales=(0.02317149, 0.01733021), zeros=(17, 5))
        kind = {"types": code(dtype), "channels_last": last, **pool}
        constant = (1, 2, 3, 4)
        check(f"{MS}QLinearAveragePool", given, opsets=(11, 23), constant=constant, **kind)
        if "ceil_mode" not in pool:  # sizes are needed for it below opset 10 alone
            check(f"{MS}QLinearAveragePool", given, opsets=(11,), open_sizes=True, **kind)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("scales", [(0.1, 0.05), (0.1, 0.1), (0.0231, 0.0173)])
def test_global_average_pool(dtype: Any, last: int, scales: tuple[float, float]) -> None:
    """Halves are frequent where one scale is a simple part of the other."""
    given = case(dtype, 2, 4, 4, 64, scales=scales, zeros=(17, 5))
    kind = {"types": code(dtype), "channels_last": last}
    constant = (1, 2, 3, 4)
    check(f"{MS}QLinearGlobalAveragePool", given, opsets=(11, 23), constant=constant, **kind)
    check(f"{MS}QLinearGlobalAveragePool", given, opsets=(17,), open_sizes=True, **kind)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(
    "form", [{"axis": -1}, {"axis": 1}, {"axis": 1, "opset": 12}, {"axis": -2, "opset": 11}]
)
@pytest.mark.parametrize("length", [70, 600])
def test_softmax(dtype: Any, form: dict[str, int], length: int) -> None:
    """Of more than 512 numbers onnxruntime's exponentials have fewer digits."""
    zeros = (17, np.iinfo(dtype).min)
    given = case(dtype, 5, 60, length, scales=(0.0231, 0.00392), zeros=zeros)
    attributes = {"opset": 13, **form}
    for opset in (11, 13, NEWEST):
        model = softmax_model(given, attributes, opset, dtype, fed=False)
        compare(model, given, fed=False)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("form", [{"axis": -1}, {"axis": 1, "opset": 12}])
def test_softmax_of_scales_that_are_computed(dtype: Any, form: dict[str, int]) -> None:
    given = case(dtype, 5, 6, 70, scales=(0.0431, 1 / 256), zeros=(17, np.iinfo(dtype).min))
    compare(softmax_model(given, {"opset": 13, **form}, 11, dtype, fed=True), given, fed=True)


def softmax_model(given: Any, attributes: Any, opset: int, dtype: Any, *, fed: bool) -> Any:
    """`model_of` takes an `opset` of its own."""
    constant = () if fed else (1, 2, 3, 4)
    kind = code(dtype)
    model = model_of(f"{MS}QLinearSoftmax", given, constant=constant, types=kind, opset=opset)
    model.graph.node[0].attribute.extend(
        helper.make_attribute(name, value) for name, value in attributes.items()
    )
    return model


def compare(model: Any, given: Any, *, fed: bool) -> None:
    """Both models on the same feeds."""
    feeds = feeds_of(given, () if fed else (1, 2, 3, 4))
    made = pot.to_proto(pot.lower(model).model)
    np.testing.assert_array_equal(run_ort(model, feeds)[0], run_ort(made, feeds)[0])


def test_a_pool_of_unknown_rank() -> None:
    given = case(np.uint8, 2, 3, 4, 4, scales=(0.1, 0.1), zeros=(0, 0))
    model = model_of(f"{MS}QLinearGlobalAveragePool", given, types=[2])
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert "the type and rank of its input is only known when the model runs" in refusal(model)
