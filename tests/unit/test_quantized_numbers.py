"""Integers and the numbers that they stand for, against onnxruntime's own arithmetic."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from pyonnxtool import from_proto, to_proto
from pyonnxtool.divergence.quantized.numbers import (
    QuantizedView,
    Steps,
    carried_steps,
    output_steps,
    read_otherwise,
)
from pyonnxtool.divergence.quantized.weights import dequantized_constant
from support.parsed import parsed

RNG = np.random.default_rng(0)


def model_of(node, weights, output=("y", TensorProto.FLOAT), inputs=(), domain_version=1):
    graph = helper.make_graph(
        [node],
        "g",
        list(inputs),
        [helper.make_tensor_value_info(*output, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", domain_version)]
    return from_proto(helper.make_model(graph, opset_imports=opsets, ir_version=10))


def run(model, **feeds):
    session = ort.InferenceSession(
        to_proto(model, weights="inside").SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, feeds)[0]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
@pytest.mark.parametrize(("axis", "block"), [(None, 0), (0, 0), (1, 0), (1, 4), (0, 3)])
def test_a_constant_is_dequantized_as_the_runtime_does(dtype, axis, block):
    info = np.iinfo(dtype)
    integers = RNG.integers(info.min, info.max, (6, 8)).astype(dtype)
    shape = () if axis is None else (integers.shape[axis],)
    if block:
        shape = tuple(size // block if i == axis else size for i, size in enumerate((6, 8)))
    scale = (RNG.random(shape) + 0.1).astype(np.float32)
    zero = RNG.integers(info.min, info.max, shape).astype(dtype)
    options = {} if axis is None else {"axis": axis}
    options |= {"block_size": block} if block else {}
    node = helper.make_node("DequantizeLinear", ["w", "s", "z"], ["y"], **options)
    model = model_of(node, {"w": integers, "s": np.asarray(scale), "z": np.asarray(zero)})
    made = dequantized_constant(model, "y")
    np.testing.assert_allclose(made, run(model), rtol=1e-6)


@pytest.mark.parametrize("dtype", [ml_dtypes.int4, ml_dtypes.uint4])
def test_four_bits(dtype):
    low = -8 if dtype == ml_dtypes.int4 else 0
    integers = RNG.integers(low, low + 16, (4, 8)).astype(dtype)
    scale = (RNG.random((4, 2)) + 0.1).astype(np.float32)
    node = helper.make_node("DequantizeLinear", ["w", "s"], ["y"], axis=1, block_size=4)
    model = model_of(node, {"w": integers, "s": scale})
    expected = integers.astype(np.float32) * np.repeat(scale, 4, 1)
    np.testing.assert_allclose(dequantized_constant(model, "y"), expected, rtol=1e-6)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("zeros", [True, False])
def test_packed_weights_of_matmul_nbits(bits, zeros):
    rows, columns, block = 40, 6, 16
    blocks, size = 3, block * bits // 8
    weights = {
        "w": RNG.integers(0, 256, (columns, blocks, size)).astype(np.uint8),
        "s": (RNG.random(columns * blocks) + 0.1).astype(np.float32),
    }
    if zeros:
        packed = -(-blocks * bits // 8)
        weights["z"] = RNG.integers(0, 256, columns * packed).astype(np.uint8)
    node = helper.make_node(
        "MatMulNBits",
        ["x", *weights],
        ["y"],
        domain="com.microsoft",
        K=rows,
        N=columns,
        bits=bits,
        block_size=block,
    )
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, rows])
    model = model_of(node, weights, inputs=[x])
    expected = run(model, x=np.eye(rows, dtype=np.float32))
    np.testing.assert_allclose(dequantized_constant(model, "w"), expected, rtol=2e-3, atol=1e-2)


def test_scales_that_do_not_fit_are_left_to_the_runtime():
    node = helper.make_node("DequantizeLinear", ["w", "s"], ["y"], axis=1, block_size=4)
    weights = {"w": np.ones((4, 8), np.int8), "s": np.ones((4, 1), np.float32)}
    assert dequantized_constant(model_of(node, weights), "y") is None


def test_integers_do_not_wrap():
    steps = Steps(np.array([2.0]), np.array([-128]), "int8")
    assert steps.dequantized(np.array([127], np.int8))[0] == 510.0
    assert (steps.low, steps.high) == (-128, 127)
    assert steps.cuts_at_zero


def test_a_view_goes_there_and_back():
    steps = Steps(np.array([0.5]), np.array([10]), "uint8")
    view = QuantizedView(steps, np.dtype(np.uint8))
    numbers = np.array([-5.0, 0.25, 0.75, 1000.0, np.nan], np.float32)
    made = view.to_candidate(numbers, numbers.shape)
    assert made.dtype == np.uint8
    assert made.tolist() == [0, 10, 12, 255, 0]
    assert view.to_reference(made, made.shape).tolist() == [-5.0, 0.0, 1.0, 122.5, -5.0]
    assert view.to_candidate(made, made.shape) is made
    assert view.note == "dequantized from uint8"


TEXT = """g (float[2,4] x) => (float[4,2] y)
  <float s = {0.5}, uint8 z = {3}, float t = {0.25}, uint8 u = {4}> {
  q = QuantizeLinear (x, s, z)  m = Transpose (q)  n = Identity (m)
  y = DequantizeLinear (n, s, z) }"""


def test_integers_keep_their_steps_where_they_are_moved():
    model = parsed(TEXT)
    node = model.graph.value("q").producer
    assert output_steps(model, node).scale.tolist() == 0.5
    assert carried_steps(model, "n").zero.tolist() == 3
    assert carried_steps(model, "y") is None
    assert carried_steps(model, "x") is None


@pytest.mark.parametrize(("text", "other"), [("(q, s, z)", 0), ("(q, t, z)", 1), ("(q, s, u)", 1)])
def test_other_steps_at_the_reader_are_seen(text, other):
    model = parsed(TEXT.replace("m = Transpose (q)", f"m = DequantizeLinear {text}"))
    node = model.graph.value("m").producer
    assert len(read_otherwise(model, node)) == other
