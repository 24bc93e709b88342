"""QuantizeLinear and DequantizeLinear at lower opsets: channels, blocks, dtypes, rounding."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.support.downgraded import check, lowered, refusal, run_both, source

TYPES = {"int8": "int8", "uint8": "uint8", "int16": "int16", "uint16": "uint16"}
TARGETS = (20, 18, 15, 12, 11, 10, 9, 8, 7)


def model(
    op: str,
    x: Any,
    scale: Any,
    zero: Any,
    *,
    opset: int = 21,
    bound: bool = True,
    open_sizes: bool = False,
    **attributes: Any,
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """One node; scale and zero point are constants when `bound`, else they are fed."""
    values = {"x": x, "s": scale} | ({} if zero is None else {"z": zero})
    fixed = [name for name in values if bound and name != "x"]
    infos = [
        helper.make_tensor_value_info(
            name,
            helper.np_dtype_to_tensor_dtype(value.dtype),
            [None] * value.ndim if open_sizes else value.shape,
        )
        for name, value in values.items()
        if name not in fixed
    ]
    made = zero.dtype if op == "QuantizeLinear" and zero is not None else np.dtype(np.uint8)
    if op == "DequantizeLinear":
        made = scale.dtype
    if attributes.get("output_dtype"):
        made = helper.tensor_dtype_to_np_dtype(attributes["output_dtype"])
    y = helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(made), [None] * x.ndim)
    node = helper.make_node(op, list(values), ["y"], **attributes)
    graph = helper.make_graph(
        [node], "g", infos, [y], [numpy_helper.from_array(values[name], name) for name in fixed]
    )
    opsets = [helper.make_opsetid("", opset)]
    feeds = {name: value for name, value in values.items() if name not in fixed}
    return helper.make_model(graph, opset_imports=opsets, ir_version=10), feeds


def grains(rng: np.random.Generator, shape: list[int]) -> tuple[list[int], dict[str, int]]:
    """The shape of a scale for a tensor of this shape, and the attributes that go with it."""
    kind = rng.integers(0, 3)
    axis = int(rng.integers(-len(shape), len(shape)))
    if kind == 0:
        return [], {}
    if kind == 1:
        return [shape[axis]], {"axis": axis}
    block = int(rng.integers(1, shape[axis] + 1))
    laid = list(shape)
    laid[axis] = -(-shape[axis] // block)
    return laid, {"axis": axis, "block_size": block}


def zeros(rng: np.random.Generator, shape: list[int], dtype: str) -> Any:
    """Zero points: none, only zeros, or any."""
    info = np.iinfo(dtype)
    kind = rng.integers(0, 3)
    if kind == 0:
        return None
    low, high = (0, 1) if kind == 1 else (info.min, int(info.max) + 1)
    return np.asarray(rng.integers(low, high, shape), dtype)


def scales(rng: np.random.Generator, shape: list[int], dtype: Any) -> Any:
    return np.asarray(rng.random(shape) * 0.3 + 0.01, dtype)


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize("op", ["DequantizeLinear", "QuantizeLinear"])
def test_any_grain_gives_the_same(op: str, bound: bool) -> None:
    rng = np.random.default_rng(7 * bound + len(op))
    for case in range(45):
        target = TARGETS[case % len(TARGETS)]
        shape = [int(one) for one in rng.integers(1, 6, rng.integers(1, 4))]
        laid, attributes = grains(rng, shape)
        dtype = list(TYPES)[case % 4 if rng.random() < 0.5 else case % 2]
        zero = zeros(rng, laid, dtype)
        half = rng.random() < 0.3
        scale = scales(rng, laid, np.float16 if half else np.float32)
        if op == "DequantizeLinear":
            info = np.iinfo(dtype)
            x = rng.integers(info.min, int(info.max) + 1, shape).astype(dtype)
        else:
            x = (rng.standard_normal(shape) * 30).astype(scale.dtype)
            if zero is None and dtype != "uint8":
                attributes["output_dtype"] = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        blocked = "block_size" in attributes  # of an open axis they need Range
        given, feeds = model(
            op,
            x,
            scale,
            zero,
            bound=bound,
            open_sizes=case % 5 == 0 and (target >= 11 or not blocked),
            **attributes,
        )
        check(given, target, feeds)


@pytest.mark.parametrize("target", [12, 11, 10, 9, 7])
@pytest.mark.parametrize("zero", [0, 3, 4, -128])
def test_halves_go_to_the_even_number_first(target: int, zero: int) -> None:
    x = np.array([[0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5, -0.4999, 0.50001, 1e30, -1e30]])
    x = np.concatenate([x, [[np.inf, -np.inf, 0, -0.0, 4194304.5, 8388609, -8388611, 3, 7, 8, 9]]])
    x = x.astype(np.float32)
    scale, points = np.array([1, 0.5], np.float32), np.array([zero, zero // 2], np.int8)
    given, feeds = model("QuantizeLinear", x, scale, points, opset=13, axis=0)
    check(given, target, feeds)


@pytest.mark.parametrize("target", [10, 9])
def test_a_bias_of_32_bits_is_rounded_once(target: int) -> None:
    x = np.array([[2**31 - 1, -(2**31), 2**24 + 1, 16777219], [0, 1, -1, 7]], np.int32)
    for scale in (np.float32(0.1), np.array([0.1, 3], np.float32)):
        given, feeds = model("DequantizeLinear", x, np.asarray(scale), None, opset=13, axis=0)
        check(given, target, feeds)


@pytest.mark.parametrize("precision", [0, TensorProto.FLOAT, TensorProto.FLOAT16])
@pytest.mark.parametrize("kinds", [("float16", "float32"), ("float32", "float16")])
def test_division_in_another_precision_than_the_operand(
    precision: int, kinds: tuple[str, str]
) -> None:
    x = (np.arange(-40, 40) * 0.37).astype(kinds[0])
    more = {"precision": precision} if precision else {}
    scale = np.array(0.25, kinds[1])  # a power of two: what either precision gives is the same
    given, feeds = model("QuantizeLinear", x, scale, np.array(9, np.uint8), **more)
    given.opset_import[0].version = 23
    for target in (22, 18, 9):
        check(given, target, feeds)


@pytest.mark.parametrize("kinds", [("float32", "FLOAT16"), ("float16", "FLOAT")])
def test_an_output_of_another_dtype_than_the_scale(kinds: tuple[str, str]) -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(-128, 128, (3, 8)).astype(np.int8)
    scale, zero = scales(rng, [3], kinds[0]), rng.integers(-9, 9, 3).astype(np.int8)
    output = TensorProto.DataType.Value(kinds[1])
    given, feeds = model("DequantizeLinear", x, scale, zero, axis=0, output_dtype=output)
    given.opset_import[0].version = 23
    for target in (22, 18, 12, 9):
        check(given, target, feeds)


@pytest.mark.parametrize("block", [0, 4, 3])
@pytest.mark.parametrize("dtype", ["int4", "uint4"])
def test_weights_of_4_bits_become_bytes(dtype: str, block: int) -> None:
    rng = np.random.default_rng(block)
    kind = np.dtype(getattr(ml_dtypes, dtype))
    low = -8 if dtype == "int4" else 0
    laid = [6, -(-8 // block)] if block else [6]
    weights = rng.integers(low, low + 16, (6, 8)).astype(kind)
    points = rng.integers(low, low + 16, laid).astype(kind)
    constants = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(scales(rng, laid, np.float32), "s"),
        numpy_helper.from_array(points, "z"),
    ]
    attributes = {"axis": 1, "block_size": block} if block else {"axis": 0}
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["d"], **attributes),
        helper.make_node("MatMul", ["x", "d"], ["y"]),
    ]
    given = helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 6])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 8])],
            constants,
        ),
        opset_imports=[helper.make_opsetid("", 21)],
        ir_version=10,
    )
    for target in (20, 17, 12, 9):
        made = check(given, target)
        stored = {one.data_type for one in made.graph.initializer if len(one.dims) > 1}
        assert stored <= {TensorProto.INT8, TensorProto.UINT8, TensorProto.FLOAT}


def test_weights_of_8_bit_floats_become_floats() -> None:
    weights = np.array([[1.5, -0.25], [448, 0.001953125]], ml_dtypes.float8_e4m3fn)
    given, _ = model("DequantizeLinear", weights, np.array(0.5, np.float32), None, opset=19)
    del given.graph.input[:]
    given.graph.initializer.append(numpy_helper.from_array(weights, "x"))
    expected, found = run_both(given, lowered(given, 17), {})
    np.testing.assert_array_equal(expected[0], found[0])


def test_what_is_quantized_to_4_bits_and_back_goes_through_bytes() -> None:
    text = """g (float[3,8] x) => (float[3,8] y) <float s = {0.3}, uint4 z = {5}, uint4[3,8] q>
        { q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z) }"""
    x = np.linspace(-4, 4, 24, dtype=np.float32).reshape(3, 8)
    for target in (20, 12, 9):
        check(source(text, 21), target, {"x": x})


def test_what_leaves_the_model_in_4_bits_is_refused() -> None:
    text = """g (float[3] x) => (uint4[3] y) <float s = {0.3}, uint4 z = {5}>
        { y = QuantizeLinear(x, s, z) }"""
    assert "uint4" in refusal(source(text, 21), 20)


def test_scales_that_do_not_fit_are_refused() -> None:
    text = """g (float[2,3] x) => (uint8[2,3] y) <float[2] s = {1,2}>
        { y = QuantizeLinear<axis = 1>(x, s) }"""
    assert "2 scales do not lie over 3 elements of axis 1" in refusal(source(text, 13), 12)


@pytest.mark.parametrize(
    "stored", ["float4_e2m1fn", "float8_e5m2", "float6_e3m2fn", "int2", "int4"]
)
def test_microscaled_weights(stored: str) -> None:
    """Blocks of weights of any small type, with scales that are powers of two of a byte."""
    weights = np.array([1, -1, 0, 1, 0, -1, 1, 1] * 2).reshape(2, 8)
    constants = [
        numpy_helper.from_array(weights.astype(getattr(ml_dtypes, stored)), "w"),
        numpy_helper.from_array(
            np.array([[0.5, 2], [4, 0.125]]).astype(ml_dtypes.float8_e8m0fnu), "s"
        ),
    ]
    attributes = {"axis": 1, "block_size": 4, "output_dtype": TensorProto.FLOAT}
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["d"], **attributes),
        helper.make_node("Add", ["x", "d"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 8]) for name in "xy")
    given = helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], constants),
        opset_imports=[helper.make_opsetid("", 28)],
        ir_version=13,
    )
    for target in (27, 24, 23, 22, 18, 9):
        check(given, target)


@pytest.mark.parametrize("dtype", [TensorProto.INT2, TensorProto.UINT2])
def test_what_is_quantized_to_2_bits_and_back_goes_through_bytes(dtype: int) -> None:
    text = f"""g (float[2,8] x) => (float[2,8] y) <float s = {{0.5}}>
        {{ q = QuantizeLinear<output_dtype = {dtype}>(x, s) y = DequantizeLinear(q, s) }}"""
    for target in (24, 20, 12, 9):
        check(source(text, 25), target)
