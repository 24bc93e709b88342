"""Quantization in other layouts: one scale, scales along an axis, scales of blocks; operators on
quantized tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from support.one_node import Constant, Given, Input, node_model
from support.relaid import check_rule, constant, refusal, relaid

TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]
MICROSOFT = "com.microsoft"


def scales(*shape: int) -> Constant:
    return Constant(np.random.default_rng(2).uniform(0.01, 0.1, shape).astype(np.float32))


def zeros(*shape: int, dtype: str = "uint8") -> Constant:
    return Constant(np.random.default_rng(3).integers(0, 9, shape).astype(dtype))


def quantization(op_type: str, shape: Any, *parameters: Input, **how: Any) -> onnx.ModelProto:
    x = Given(shape, "float32" if op_type == "QuantizeLinear" else "uint8")
    return node_model(op_type, [x, *parameters], **how)


def axis_of(drawn: Any) -> int:
    (node,) = drawn.model.graph.nodes
    return int(node.attributes.get("axis", 1))


BOTH = pytest.mark.parametrize("op_type", ["QuantizeLinear", "DequantizeLinear"])


@BOTH
@pytest.mark.parametrize("opset", [10, 13, 19, 21, 23])
@pytest.mark.parametrize("shape", [[], [1]])
def test_one_scale_for_all(op_type: str, opset: int, shape: list[int]) -> None:
    model = quantization(op_type, ["n", 3, 5, 4], scales(*shape), zeros(*shape), opset=opset)
    for operand in ("x0", "y0"):
        drawn = check_rule(model, operand, TO_NHWC)
        assert drawn.inputs == [TO_NHWC, list(range(len(shape))), list(range(len(shape)))]


@BOTH
@pytest.mark.parametrize("opset", [13, 19, 21, 23])
@pytest.mark.parametrize(("axis", "size"), [(None, 3), (1, 3), (-1, 4), (0, 2), (-3, 3)])
def test_scales_along_an_axis(op_type: str, opset: int, axis: int | None, size: int) -> None:
    said = {} if axis is None else {"axis": axis}
    model = quantization(op_type, [2, 3, 5, 4], scales(size), zeros(size), opset=opset, **said)
    for perm in (TO_NHWC, [3, 1, 0, 2]):
        drawn = check_rule(model, "y0", perm)
        assert axis_of(drawn) % 4 == perm.index((1 if axis is None else axis) % 4)
        assert np.array_equal(constant(drawn, 1), constant(relaid(model, "x0", TO_NHWC), 1))


@BOTH
def test_scales_along_an_axis_without_zero_points(op_type: str) -> None:
    model = quantization(op_type, [2, 3, 5, 4], scales(3))
    assert check_rule(model, "x0", TO_NHWC).inputs[1:] == [[0]]
    signed = quantization(op_type, [2, 3, 5, 4], scales(3), zeros(3))
    check_rule(signed, "y0", TO_NCHW)


@BOTH
def test_an_axis_that_stays_leaves_the_node_alone(op_type: str) -> None:
    model = quantization(op_type, [2, 3, 5, 4], scales(3), zeros(3), axis=-3)
    assert axis_of(check_rule(model, "x0", [2, 1, 0, 3])) == -3


@BOTH
@pytest.mark.parametrize(("axis", "shape"), [(1, [2, 2, 5]), (-1, [2, 3, 3]), (0, [1, 3, 5])])
def test_scales_of_blocks_are_stored_as_the_data(op_type: str, axis: int, shape: list[int]) -> None:
    sizes = [2, 3, 5]
    model = quantization(op_type, sizes, scales(*shape), zeros(*shape), axis=axis, block_size=2)
    for perm in ([2, 0, 1], [1, 0, 2], [2, 1, 0]):
        for operand in ("x0", "y0"):
            drawn = check_rule(model, operand, perm)
            assert axis_of(drawn) % 3 == perm.index(axis % 3)
            assert constant(drawn, 1).shape == tuple(shape[at] for at in perm)


def test_scales_that_are_computed() -> None:
    model = quantization("DequantizeLinear", [2, 6, 5], [2, 3, 5], axis=1, block_size=2)
    assert check_rule(model, "x1", [2, 1, 0]).outputs == [[2, 1, 0]]
    inner = [(0, [2, 3], [1, 0])]
    model = quantization("DequantizeLinear", [2, 6, 5], [6], axis=1)
    drawn = check_rule(model, "x1", [0], inner)
    assert drawn.output_inner == [[(1, [2, 3], [1, 0])]]
    whole = quantization("DequantizeLinear", [2, 6, 5], [1], axis=1)
    assert check_rule(whole, "x0", [1, 0, 2]).inputs[1] == [0]


@BOTH
def test_inner_orders(op_type: str) -> None:
    inner = [(1, [2, 3], [1, 0])]
    model = quantization(op_type, [2, 6, 4], scales(6), zeros(6))
    drawn = check_rule(model, "x0", [0, 2, 1], inner)
    assert np.array_equal(constant(drawn, 1), scales(6).array.reshape(2, 3).T.reshape(6))
    other = quantization(op_type, [2, 6, 4], scales(4), zeros(4), axis=2)
    check_rule(other, "y0", [0, 2, 1], inner)
    single = quantization(op_type, [2, 6, 4], scales(), zeros())
    check_rule(single, "y0", [0, 1, 2], inner)
    vector = quantization(op_type, [6], scales(6), zeros(6), axis=0)
    check_rule(vector, "y0", [0], [(0, [2, 3], [1, 0])])
    blocks = quantization(op_type, [2, 6, 4], scales(2, 6, 2), axis=2, block_size=2)
    check_rule(blocks, "y0", [0, 2, 1], inner)
    blocked = quantization(op_type, [2, 6, 4], scales(2, 3, 4), axis=1, block_size=2)
    assert refusal(blocked, "y0", [0, 2, 1], inner).endswith(
        "its blocks lie along the axis that is stored in another inner order"
    )


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (
            quantization("QuantizeLinear", [2, 3, 5], scales(2, 3)),
            "input 1 'x1' has 2 axes, which stand for no axis or blocks of input 0 'x0'",
        ),
        (
            quantization("QuantizeLinear", [2, 3, 5], scales(3), axis=3),
            "axis 3 is outside of rank 3",
        ),
        (
            quantization("DequantizeLinear", [2, 3, 5], Given(None)),
            "the rank of input 1 'x1' is not known",
        ),
        (
            quantization("QuantizeLinear", [2, 3, 5], scales(3), opset=12),
            "before opset 13 there is one scale for the whole tensor",
        ),
    ],
)
def test_what_no_rule_says(model: onnx.ModelProto, reason: str) -> None:
    assert refusal(model, "x0", [1, 0, 2]).endswith(reason)


def test_data_of_unknown_rank() -> None:
    model = node_model("QuantizeLinear", [Given(None), scales(3)])
    model.graph.output[0].CopyFrom(
        onnx.helper.make_tensor_value_info("y0", onnx.TensorProto.UINT8, [2, 3])
    )
    assert refusal(model, "y0", [1, 0]).endswith("the rank of input 0 'x0' is not known")


def test_one_scale_has_no_layout() -> None:
    model = quantization("DequantizeLinear", [2, 3, 5], [1, 1])
    assert refusal(model, "x1", [1, 0]).endswith("input 1 'x1' is one number for the whole tensor")


def test_quantization_that_finds_its_own_scale() -> None:
    model = node_model("DynamicQuantizeLinear", [["n", 3, 5, 4]], outputs=3)
    assert check_rule(model, "y0", TO_NHWC).outputs == [TO_NHWC, [], []]


@BOTH
@pytest.mark.parametrize(("axis", "size"), [(1, 3), (-1, 4)])
def test_of_the_runtimes_domain(op_type: str, axis: int, size: int) -> None:
    model = quantization(
        op_type, [2, 3, 5, 4], scales(size), zeros(size), axis=axis, domain=MICROSOFT
    )
    assert axis_of(check_rule(model, "x0", TO_NHWC)) % 4 == TO_NHWC.index(axis % 4)


def eight_bits(*shape: int) -> Given:
    return Given(list(shape), "uint8")


@pytest.mark.parametrize("op_type", ["QLinearAdd", "QLinearMul"])
@pytest.mark.parametrize("other", [[2, 3, 5, 4], [3, 1, 1], [5, 4], [4], []])
def test_operands_with_scales(op_type: str, other: list[int]) -> None:
    one = scales(), zeros()
    inputs = [eight_bits(2, 3, 5, 4), *one, eight_bits(*other), *one, *one]
    drawn = check_rule(node_model(op_type, inputs, domain=MICROSOFT), "y0", TO_NHWC)
    assert drawn.inputs[1:3] == [[], []]
    inputs[3] = zeros(*other)
    check_rule(node_model(op_type, inputs, domain=MICROSOFT), "x0", TO_NHWC)


@pytest.mark.parametrize("op_type", ["QLinearSigmoid", "QLinearLeakyRelu"])
def test_functions_with_scales(op_type: str) -> None:
    inputs = [eight_bits(2, 3, 5, 4), scales(), zeros(), scales(), zeros()]
    check_rule(node_model(op_type, inputs, domain=MICROSOFT), "x0", TO_NHWC)


def test_a_choice_with_scales() -> None:
    one = scales(), zeros()
    inputs = [Given([5, 1], "bool"), eight_bits(2, 3, 5, 4), *one, eight_bits(4), *one, *one]
    model = node_model("QLinearWhere", inputs, domain=MICROSOFT)
    drawn = check_rule(model, "x1", TO_NHWC)
    assert drawn.inputs[4] == [0]
    assert check_rule(model, "x0", [1, 0]).outputs == [[0, 1, 3, 2]]


def test_products_of_integers() -> None:
    inputs: list[Input] = [eight_bits(2, 3, 5, 4), None, eight_bits(5, 4)]
    model = node_model("MulInteger", inputs, domain=MICROSOFT)
    assert relaid(model, "y0", TO_NHWC).inputs == [TO_NHWC, None, [0, 1]]


@pytest.mark.parametrize("opset", [19, 21])
def test_what_no_transpose_could_move(opset: int) -> None:
    zero = onnx.helper.make_tensor("x2", onnx.TensorProto.FLOAT8E4M3FN, [], [0])
    model = quantization("QuantizeLinear", [2, 3, 5], scales(), Given([], "uint8"), opset=opset)
    del model.graph.input[1]
    model.graph.initializer.append(zero)
    cast = node_model("Cast", [[2, 3, 5]], opset=opset, to=onnx.TensorProto.FLOAT8E4M3FN)
    for narrow in (model, cast):
        if opset >= 21:
            assert relaid(narrow, "x0", [2, 0, 1]).outputs == [[2, 0, 1]]
        else:
            assert refusal(narrow, "x0", [2, 0, 1]).endswith(
                "no Transpose of this opset takes float8e4m3fn"
            )
