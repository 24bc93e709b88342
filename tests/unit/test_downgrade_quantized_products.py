"""Products of 8-bit integers below opset 10, in floats: exact, and rounded as onnxruntime does."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.support.downgraded import assert_same, check, lowered, run_ort, source

BITS = (np.uint8, np.int8)


def model(
    op: str, values: dict[str, Any], fixed: tuple[str, ...], out: Any, rank: int, **attributes: Any
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """One node of opset 10; the inputs that `fixed` names are constants."""
    feeds = {name: one for name, one in values.items() if one is not None and name not in fixed}
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(one.dtype), one.shape)
        for name, one in feeds.items()
    ]
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(out))
    names = [name if one is not None else "" for name, one in values.items()]
    graph = helper.make_graph(
        [helper.make_node(op, names, ["y"], **attributes)],
        "g",
        infos,
        [helper.make_tensor_value_info("y", dtype, [None] * rank)],
        [numpy_helper.from_array(values[name], name) for name in fixed if values[name] is not None],
    )
    opsets = [helper.make_opsetid("", 10)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=5), feeds


def integers(rng: np.random.Generator, shape: Any, dtype: Any) -> Any:
    info = np.iinfo(dtype)
    return np.asarray(rng.integers(info.min, info.max + 1, shape), dtype)


@pytest.mark.parametrize("length", [1, 7, 300, 5000])
@pytest.mark.parametrize("fixed", [(), ("b", "bz")])
def test_long_sums_of_integers_are_exact(length: int, fixed: tuple[str, ...]) -> None:
    rng = np.random.default_rng(length)
    for case in range(8):
        kinds = BITS[case % 2], BITS[case // 2 % 2]
        a, b = integers(rng, (2, 3, length), kinds[0]), integers(rng, (length, 4), kinds[1])
        extremes = case % 4 == 3  # all of one sign, so that sums are as long as they can be
        a, b = (a * 0 + 255, b * 0 - 128) if extremes and kinds == (np.uint8, np.int8) else (a, b)
        zero = [None, integers(rng, (), kinds[0])][case // 4]
        points = [None, integers(rng, (4,), kinds[1])][case // 4]
        values = {"a": a, "b": b, "az": zero, "bz": points}
        given, feeds = model("MatMulInteger", values, fixed, np.int32, 3)
        left = a.astype(np.int64) - (0 if zero is None else zero)
        expected = left @ (b.astype(np.int64) - (0 if points is None else points))
        found = run_ort(lowered(given, (9, 7)[case % 2]), feeds)
        assert_same("y", expected.astype(np.int32), found[0], 0)


def test_zero_points_of_rows() -> None:
    text = """g (uint8[3,5] a, uint8[5,2] b, uint8[3] az, uint8[2] bz) => (int32[3,2] y)
        { y = MatMulInteger(a, b, az, bz) }"""
    rng = np.random.default_rng(0)
    shapes = {"a": (3, 5), "b": (5, 2), "az": (3,), "bz": (2,)}
    feeds = {name: integers(rng, shape, np.uint8) for name, shape in shapes.items()}
    found = run_ort(lowered(source(text, 10), 9), feeds)[0]
    a, b = (feeds[name].astype(np.int32) for name in "ab")
    assert_same("y", (a - feeds["az"][:, None].astype(np.int32)) @ (b - feeds["bz"]), found, 0)


@pytest.mark.parametrize("channels", [1, 4, 700])
def test_convolutions_of_integers_are_exact(channels: int) -> None:
    rng = np.random.default_rng(channels)
    for case in range(6):
        group = 2 if channels == 4 and case % 2 else 1
        x = integers(rng, (1, channels, 5, 4), np.uint8)
        w = integers(rng, (2, channels // group, 3, 2), np.uint8)
        points = [None, integers(rng, (), np.uint8)]
        values = {"x": x, "w": w, "xz": points[case % 2], "wz": points[case // 2 % 2]}
        attributes = {"pads": [1, 0, 1, 2], "strides": [2, 1], "group": group}
        fixed = ("w", "wz") if case < 3 else ()
        given, feeds = model("ConvInteger", values, fixed, np.int32, 4, **attributes)
        check(given, (9, 8, 7)[case % 3], feeds)


@pytest.mark.parametrize("bound", [True, False])
def test_quantized_convolutions_are_rounded_as_onnxruntime_does(bound: bool) -> None:
    rng = np.random.default_rng(bound)
    for case in range(12):
        kinds = [(np.uint8, np.uint8), (np.uint8, np.int8), (np.int8, np.int8)][case % 3]
        channels, filters = (3, 300)[case % 2], 5
        each = case % 4 > 1
        laid = (filters,) if each else ()
        values = {
            "x": integers(rng, (2, channels, 6, 5), kinds[0]),
            "xs": np.float32(0.02 + rng.random() * 0.1),
            "xz": integers(rng, (), kinds[0]),
            "w": integers(rng, (filters, channels, 3, 3), kinds[1])
            // 2,  # no pair overflows 16 bits
            "ws": np.asarray(rng.random(laid) * 0.1 + 0.01, np.float32),
            "wz": np.zeros(laid, kinds[1]),
            "ys": np.float32(0.5 + rng.random() * 9),
            "yz": integers(rng, (), kinds[0]),
            "b": [None, integers(rng, (filters,), np.int16).astype(np.int32)][case // 6],
        }
        values = {
            name: np.asarray(one) if one is not None else None for name, one in values.items()
        }
        fixed = ("xs", "xz", "w", "ws", "wz", "ys", "yz", "b") if bound else ()
        given, feeds = model("QLinearConv", values, fixed, kinds[0], 4, pads=[1, 1, 0, 1])
        check(given, (9, 7)[case % 2], feeds)


@pytest.mark.parametrize("bound", [True, False])
def test_quantized_products_are_rounded_as_onnxruntime_does(bound: bool) -> None:
    rng = np.random.default_rng(bound)
    for case in range(12):
        kinds = [(np.uint8, np.uint8), (np.uint8, np.int8), (np.int8, np.int8)][case % 3]
        laid = (4,) if case % 4 > 1 else ()
        values = {
            "a": integers(rng, (2, 3, 70), kinds[0]),
            "as": np.float32(rng.random() * 0.1 + 0.01),
            "az": integers(rng, (), kinds[0]),
            "b": integers(rng, (70, 4), kinds[1]) // 2,
            "bs": np.asarray(rng.random(laid) * 0.1 + 0.01, np.float32),
            "bz": integers(rng, laid, kinds[1]) // 2,
            "ys": np.float32(rng.random() * 9 + 0.5),
            "yz": integers(rng, (), kinds[0]),
        }
        values = {name: np.asarray(one) for name, one in values.items()}
        fixed = tuple(values)[1:] if bound else ()
        given, feeds = model("QLinearMatMul", values, fixed, kinds[0], 3)
        check(given, (9, 7)[case % 2], feeds)


def test_scales_of_16_bits_become_32() -> None:
    text = """g (uint8[2,3] a, uint8[3,2] b, float16 s, uint8 z) => (uint8[2,2] y)
        { y = QLinearMatMul(a, s, z, b, s, z, s, z) }"""
    for target in (20, 13, 9):
        check(
            source(text, 21),
            target,
            {
                "a": np.array([[1, 2, 3], [200, 5, 6]], np.uint8),
                "b": np.array([[1, 2], [30, 4], [5, 60]], np.uint8),
                "s": np.array(0.5, np.float16),
                "z": np.array(3, np.uint8),
            },
        )


@pytest.mark.parametrize("x", [[1, 2, 3], [-3, -2], [-0.5, 0.7, 0.1], [0, 0], [1e-3, 255]])
def test_scale_and_zero_point_of_what_comes(x: list[float]) -> None:
    text = """g (float[n] x) => (uint8[n] y, float s, uint8 z)
        { y, s, z = DynamicQuantizeLinear(x) }"""
    for target in (10, 9, 7):
        check(source(text, 11), target, {"x": np.array(x, np.float32)})


@pytest.mark.parametrize(
    ("operands", "rows", "names"),
    [
        ("uint8[0,3] a, uint8[3,2] b", "0,2", "a, b, z"),
        ("uint8[2,3] a, uint8[3,0] b", "2,0", "a, b, , z"),
    ],
)
def test_no_rows_with_a_known_offset_each(operands: str, rows: str, names: str) -> None:
    text = f"g ({operands}) => (int32[{rows}] y) <uint8[0] z = {{}}>"
    lowered(source(text + f"{{ y = MatMulInteger ({names}) }}", 10), 7)
