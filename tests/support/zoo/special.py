"""Models whose trouble is structure: control flow, functions, quantization, bare arithmetic."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from support.graph_builder import Builder, Case
from support.zoo.layers import conv, linear, reduce_mean


def _branch(b: Builder, name: str, x: str, alpha: float) -> onnx.GraphProto:
    """A body that reads `x` and a weight of the graph around it."""
    weight = b.weight(12, 12, fan_in=12)
    nodes = [
        helper.make_node("MatMul", [x, weight], [f"{name}_mm"], name=f"/{name}/MatMul"),
        helper.make_node(
            "LeakyRelu", [f"{name}_mm"], [f"{name}_act"], name=f"/{name}/LeakyRelu", alpha=alpha
        ),
        helper.make_node("Sub", [f"{name}_act", x], [f"{name}_out"], name=f"/{name}/Sub"),
    ]
    info = helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, None)
    return helper.make_graph(nodes, name, [], [info])


def _loop_body(b: Builder) -> onnx.GraphProto:
    """Carries a state, and scans out what each round made of it."""
    weight = b.weight(12, 12, fan_in=12)
    half = b.const(0.5)
    nodes = [
        helper.make_node("Identity", ["keep_in"], ["keep_out"], name="/loop/Identity"),
        helper.make_node("MatMul", ["state_in", weight], ["body_mm"], name="/loop/MatMul"),
        helper.make_node("Tanh", ["body_mm"], ["body_tanh"], name="/loop/Tanh"),
        helper.make_node("Mul", ["state_in", half], ["body_half"], name="/loop/Mul"),
        helper.make_node("Add", ["body_tanh", "body_half"], ["state_out"], name="/loop/Add"),
        helper.make_node("Sigmoid", ["state_out"], ["body_scan"], name="/loop/Sigmoid"),
    ]
    info = helper.make_tensor_value_info
    inputs = [
        info("round", TensorProto.INT64, []),
        info("keep_in", TensorProto.BOOL, []),
        info("state_in", TensorProto.FLOAT, [1, 4, 12]),
    ]
    outputs = [
        info("keep_out", TensorProto.BOOL, []),
        info("state_out", TensorProto.FLOAT, [1, 4, 12]),
        info("body_scan", TensorProto.FLOAT, [1, 4, 12]),
    ]
    return helper.make_graph(nodes, "loop_body", inputs, outputs)


def control(opset: int) -> Case:
    """An If on the data and a Loop with a carried state and a scan output."""
    b = Builder(f"control_{opset}", opset)
    x = linear(b, b.input("x", [1, 4, 12]), 12, 12)
    total = b.op("ReduceSum", b.op("Abs", x), keepdims=0)
    condition = b.op("Greater", total, b.const(-1.0))
    x = b.op(
        "If",
        condition,
        then_branch=_branch(b, "then", x, 0.2),
        else_branch=_branch(b, "else", x, 0.3),
    )
    x = b.op("Relu", linear(b, x, 12, 12))
    trip, keep = b.const(3, np.int64, "trip"), b.const(True, np.bool_, "keep")
    state, scan = b.ops("Loop", trip, keep, x, count=2, body=_loop_body(b))
    mean = b.op("Squeeze", reduce_mean(b, scan, 0), b.ints(0))
    b.output(b.op("Add", linear(b, state, 12, 12), mean), "y", 3)
    return b.case()


def function(opset: int) -> Case:
    """Calls a model-local function twice, as the torch exporter writes modules."""
    b = Builder(f"function_{opset}", opset)
    body = [
        helper.make_node("MatMul", ["x", "w"], ["m"], name="fn/MatMul"),
        helper.make_node("Add", ["m", "b"], ["a"], name="fn/Add"),
        helper.make_node("Sigmoid", ["a"], ["s"], name="fn/Sigmoid"),
        helper.make_node("Mul", ["a", "s"], ["y"], name="fn/Mul"),
    ]
    opsets = [helper.make_opsetid("", opset)]
    b.functions = [helper.make_function("zoo", "Dense", ["x", "w", "b"], ["y"], body, opsets)]
    x = b.input("x", [2, 12])
    for index in range(3):
        with b.scope(f"dense{index}"):
            x = b.op("Dense", x, b.weight(12, 12, fan_in=12), b.spread(12), domain="zoo")
            x = b.op("Clip", x, b.const(-1.0), b.const(1.5))
            x = b.op("Div", x, b.op("ReduceL2", x, keepdims=1))
    weight = b.weight(12, 12, fan_in=12)
    b.output(b.op("Softmax", b.op("MatMul", x, weight), axis=-1), "y", 2)
    return b.case()


def quantized(opset: int) -> Case:
    """A QDQ convolution chain, and a linear layer with weights per channel."""
    b = Builder(f"quantized_{opset}", opset)

    def qdq(value: str, scale: float, zero: int) -> str:
        extra = [b.const(scale, hint="scale"), b.const(zero, np.uint8, "zero_point")]
        return b.op("DequantizeLinear", b.op("QuantizeLinear", value, *extra), *extra)

    def weight(*shape: int) -> str:
        data = b.const(b.rng.integers(-127, 128, shape), np.int8, "weight_quantized")
        scale = b.const(np.linspace(0.6, 1.2, shape[0]) / np.sqrt(np.prod(shape[1:])) / 60)
        zeros = b.const(np.zeros(shape[0]), np.int8, "weight_zero")
        return b.op("DequantizeLinear", data, scale, zeros, axis=0)

    x = qdq(b.input("image", [1, 4, 10, 10]), 0.03, 128)
    for index in range(2):
        with b.scope(f"conv{index}"):
            width = 4 if index == 0 else 8
            x = b.op("Conv", x, weight(8, width, 3, 3), b.spread(8), pads=[1, 1, 1, 1])
            x = qdq(b.op("Relu", x), 0.015, 0)
    x = qdq(b.op("GlobalAveragePool", x), 0.005, 0)
    x = b.op("Gemm", b.op("Flatten", x), weight(6, 8), b.spread(6), transB=1)
    b.output(conv(b, b.op("Reshape", qdq(x, 0.02, 120), b.ints(1, 6, 1, 1)), 6, 6), "y", 4)
    return b.case()


def arithmetic(opset: int) -> Case:
    """A signal chain of bare elementwise operators and reductions."""
    b = Builder(f"arithmetic_{opset}", opset)
    x = b.input("signal", [2, 3, 16])
    power = b.op("Add", b.op("Mul", x, x), b.const(0.01, hint="floor"))
    level = b.op("Log", power)
    peak = b.op("ReduceMax", level, axes=[2], keepdims=1)
    low = b.op("ReduceMin", level, axes=[2], keepdims=1)
    span = b.op("Sub", peak, low)
    norm = b.op("Div", b.op("Sub", level, low), span)
    shaped = b.op("Exp", b.op("Neg", b.op("Pow", norm, b.const(1.5))))
    loud = b.op("Greater", norm, b.const(0.5))
    mixed = b.op("Where", loud, shaped, b.op("Sqrt", norm))
    total = b.op("CumSum", mixed, b.const(2, np.int64), exclusive=0, reverse=0)
    early = b.op("Slice", total, b.ints(0), b.ints(15), b.ints(2), b.ints(1))
    late = b.op("Slice", total, b.ints(1), b.ints(16), b.ints(2), b.ints(1))
    step = b.op("Min", b.op("Sub", late, early), b.const(0.9))
    picked = b.op("Gather", step, b.ints(0, 2, 1), axis=1)
    inverse = b.op("Reciprocal", b.op("Add", picked, b.const(1.0)))
    wave = b.op("Mul", b.op("Sin", early), b.op("Cos", late))
    joined = b.op("Concat", inverse, wave, axis=1)
    ends = b.op("ReduceL2", joined, axes=[2], keepdims=1)
    scaled = b.op("Div", joined, b.op("Max", ends, b.const(1e-3)))
    soft = b.op("Softmax", b.op("Mul", scaled, b.const(3.0)), axis=2)
    b.output(b.op("ReduceSum", b.op("Mul", soft, joined), b.ints(2), keepdims=0), "features", 2)
    b.output(b.op("ArgMin", soft, axis=2, keepdims=0), "quietest", 2, TensorProto.INT64)
    return b.case()
