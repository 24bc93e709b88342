"""Operators that work element by element, in other layouts: on onnxruntime, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from support.one_node import Constant, Given, Input, node_model
from support.relaid import check_rule, constant, op_types, refusal, relaid

TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]

UNARY = {
    **dict.fromkeys(("Abs", "Neg", "Floor", "Ceil", "Round", "Sqrt", "Sign", "Relu", "Clip"), 22),
    **dict.fromkeys(("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Celu", "Cos", "Cosh"), 21),
    **dict.fromkeys(("Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu"), 21),
    **dict.fromkeys(("Log", "Mish", "Reciprocal", "Selu", "Shrink", "Sigmoid", "Sin", "Sinh"), 21),
    **dict.fromkeys(("Softplus", "Softsign", "Tan", "Tanh", "ThresholdedRelu", "Identity"), 21),
    **dict.fromkeys(("IsInf", "IsNaN", "Dropout"), 20),
    **dict.fromkeys(("Affine", "ParametricSoftplus", "ScaledTanh"), 9),
}


@pytest.mark.parametrize("op_type", UNARY)
def test_a_function_of_one_operand_stays_as_it_is(op_type: str) -> None:
    curve = {"alpha": 1.5, "beta": 2.0} if op_type in ("ParametricSoftplus", "ScaledTanh") else {}
    model = node_model(op_type, [["n", 3, "h", 4]], opset=UNARY[op_type], **curve)
    for operand in ("x0", "y0"):
        drawn = check_rule(model, operand, TO_NHWC)
        assert op_types(drawn) == [op_type]
        assert drawn.inputs == drawn.outputs == [TO_NHWC]


@pytest.mark.parametrize(
    ("op_type", "dtype", "attributes"),
    [
        ("Not", "bool", {}),
        ("BitwiseNot", "int32", {}),
        ("Cast", "float32", {"to": onnx.TensorProto.INT32}),
        ("Cast", "int64", {"to": onnx.TensorProto.STRING}),
        ("Identity", "object", {}),
    ],
)
def test_functions_of_other_types(op_type: str, dtype: str, attributes: dict[str, Any]) -> None:
    model = node_model(op_type, [Given([2, 3, 4], dtype)], opset=21, **attributes)
    assert check_rule(model, "y0", [2, 0, 1]).inputs == [[2, 0, 1]]


def test_swish_on_the_reference_evaluator() -> None:
    model = node_model("Swish", [[2, 3, 4]], opset=24)
    check_rule(model, "x0", [1, 2, 0], reference=True)
    check_rule(node_model("BitCast", [[2, 3, 4]], opset=26, to=6), "x0", [1, 2, 0], reference=True)


BINARY = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Mod", "Pow", "Max", "Min", "Sum", "Mean"), "f4"),
    **dict.fromkeys(("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"), "i4"),
    **dict.fromkeys(("And", "Or", "Xor"), "?"),
    **dict.fromkeys(("BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitShift"), "u1"),
}


def binary(op_type: str, a: Any, b: Any, **how: Any) -> onnx.ModelProto:
    attributes = {"Mod": {"fmod": 1}, "BitShift": {"direction": "LEFT"}}.get(op_type, {})
    dtype = np.dtype(BINARY[op_type]).name
    inputs = [one if isinstance(one, Constant) else Given(one, dtype) for one in (a, b)]
    return node_model(op_type, inputs, opset=21, **attributes, **how)


@pytest.mark.parametrize("op_type", BINARY)
def test_two_operands_of_one_rank_move_together(op_type: str) -> None:
    model = binary(op_type, ["n", 3, "h", 4], ["n", 1, "h", 1])
    for operand in ("x0", "x1", "y0"):
        drawn = check_rule(model, operand, TO_NHWC)
        assert op_types(drawn) == [op_type]
        assert drawn.inputs == [TO_NHWC, TO_NHWC]
        assert drawn.outputs == [TO_NHWC]


@pytest.mark.parametrize("op_type", BINARY)
def test_an_operand_of_lower_rank_gets_the_axes_that_it_lacks(op_type: str) -> None:
    model = binary(op_type, [2, 3, 5, 4], [5, 4])
    drawn = check_rule(model, "y0", TO_NHWC)
    assert op_types(drawn) == ["Unsqueeze", op_type]
    assert drawn.inputs == [TO_NHWC, [0, 1]]


@pytest.mark.parametrize(
    ("shape", "perm", "layout", "unsqueezed"),
    [
        ([3, 1, 1], TO_NHWC, [1, 2, 0], False),
        ([3, 5, 4], TO_NHWC, [1, 2, 0], False),
        ([5, 1], TO_NHWC, [0, 1], True),
        ([4], TO_NCHW, [0], True),
        ([4], [0, 2, 1, 3], [0], False),
        ([5, 4], [0, 1, 3, 2], [1, 0], False),
        ([1, 4], [3, 2, 1, 0], [1, 0], True),
        ([1, 1, 1], TO_NHWC, [0, 1, 2], False),
        ([1], TO_NCHW, [0], False),
        ([], TO_NCHW, [], False),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_operands_beside_a_result(
    shape: list[int], perm: list[int], layout: list[int], unsqueezed: bool, first: bool
) -> None:
    shapes = [shape, [2, 3, 5, 4]] if first else [[2, 3, 5, 4], shape]
    drawn = check_rule(node_model("Sub", shapes), "y0", perm)
    slot = 0 if first else 1
    assert drawn.inputs[slot] == layout
    assert ("Unsqueeze" in op_types(drawn)) == unsqueezed


@pytest.mark.parametrize(
    ("shape", "perm", "result"),
    [
        ([3, 1, 1], [1, 2, 0], TO_NHWC),
        ([5, 4], [1, 0], [0, 1, 3, 2]),
        ([3, 5, 4], [2, 1, 0], [0, 3, 2, 1]),
        ([1, 1, 1], [1, 2, 0], [0, 1, 2, 3]),
        ([1, 1, 1, 1], TO_NHWC, [0, 1, 2, 3]),
    ],
)
def test_an_operand_that_is_asked_moves_the_result(
    shape: list[int], perm: list[int], result: list[int]
) -> None:
    drawn = check_rule(node_model("Sub", [shape, [2, 3, 5, 4]]), "x0", perm)
    assert drawn.outputs == [result]


def test_operands_of_one_element_move_together_where_the_result_has_one_too() -> None:
    drawn = check_rule(node_model("Sub", [[1, 1, 1], [1, 1]]), "x0", [2, 1, 0])
    assert drawn.outputs == [[2, 1, 0]]


def test_constants_are_relaid_and_reshaped_once() -> None:
    image, pixels, bias = (
        np.arange(60, dtype=np.float32).reshape(3, 5, 4),
        np.arange(20, dtype=np.float32).reshape(5, 4),
        np.arange(4, dtype=np.float32),
    )
    for array, perm, wanted in (
        (image, TO_NHWC, image.transpose(1, 2, 0)),
        (pixels, TO_NHWC, pixels[:, :, None]),
        (bias, TO_NCHW, bias[:, None, None]),
        (bias, TO_NHWC, bias[:, None]),
        (np.float32([3]), TO_NCHW, np.float32([3])),
    ):
        drawn = check_rule(node_model("Add", [[2, 3, 5, 4], Constant(array)]), "y0", perm)
        assert op_types(drawn) == ["Add"]
        assert np.array_equal(constant(drawn, 1), wanted)
        assert constant(drawn, 1).shape == wanted.shape


@pytest.mark.parametrize("op_type", ["Sum", "Mean", "Max", "Min"])
def test_many_operands(op_type: str) -> None:
    model = node_model(op_type, [[2, 3, 5, 4], [5, 1], [1, 3, 1, 1], [4]])
    for operand in ("y0", "x2"):
        drawn = check_rule(model, operand, TO_NHWC)
        assert drawn.inputs == [TO_NHWC, [0, 1], TO_NHWC, [0]]
    drawn = check_rule(model, "x1", [1, 0])
    assert drawn.outputs == [[0, 1, 3, 2]]


def test_where_asks_three() -> None:
    inputs: list[Input] = [Given([5, 1], "bool"), [2, 3, 5, 4], []]
    for operand, perm in (("x1", TO_NHWC), ("y0", [3, 1, 0, 2]), ("x0", [1, 0])):
        check_rule(node_model("Where", inputs), operand, perm)


@pytest.mark.parametrize("slope", [[3, 1, 1], [4], [5, 4], [2, 3, 5, 4], [1, 1, 1, 1], [1]])
def test_the_slope_of_a_prelu(slope: list[int]) -> None:
    for given in (slope, Constant(np.random.default_rng(1).normal(size=slope).astype("f4"))):
        check_rule(node_model("PRelu", [[2, 3, 5, 4], given]), "y0", TO_NHWC)


def test_the_bounds_of_a_clip_stay() -> None:
    low, high = Constant(np.array(-1, np.float32)), Constant(np.array(1, np.float32))
    assert check_rule(node_model("Clip", [[2, 3, 4], low, high]), "x0", [2, 0, 1]).inputs == [
        [2, 0, 1],
        [],
        [],
    ]
    old = node_model("Clip", [[2, 3, 4]], opset=10, min=-1.0, max=1.0)
    assert check_rule(old, "x0", [2, 0, 1]).inputs == [[2, 0, 1]]
    odd = node_model("Clip", [[2, 3, 4], [1, 1]])
    assert refusal(odd, "x1", [1, 0]).endswith("input 1 'x1' is not read element by element")


def test_of_a_cast_like_only_the_type_is_read() -> None:
    model = node_model("CastLike", [[2, 3, 4], Given([5, 6], "int32")])
    assert check_rule(model, "x1", [1, 0]).outputs == [[0, 1, 2]]
    assert check_rule(model, "x0", [2, 0, 1]).inputs == [[2, 0, 1], [0, 1]]


def test_dropout_with_its_mask() -> None:
    ratio, training = Constant(np.array(0.5, np.float32)), Constant(np.array(False))
    model = node_model("Dropout", [[2, 3, 4], ratio, training], outputs=2)
    assert check_rule(model, "y1", [2, 0, 1]).outputs == [[2, 0, 1], [2, 0, 1]]
    old = node_model("Dropout", [[2, 3, 4]], opset=10, outputs=2)
    assert check_rule(old, "x0", [2, 0, 1]).outputs == [[2, 0, 1], [2, 0, 1]]
    trains = node_model("Dropout", [[2, 3, 4], ratio, Constant(np.array(True))])
    assert refusal(trains, "x0", [2, 0, 1]).endswith("in training it draws which elements it drops")


@pytest.mark.parametrize("opset", [7, 8, 11, 12, 13, 14])
def test_older_versions(opset: int) -> None:
    drawn = check_rule(node_model("Add", [[2, 3, 5, 4], [5, 4]], opset=opset), "y0", TO_NHWC)
    assert op_types(drawn) == ["Unsqueeze", "Add"]


def test_rows_in_another_inner_order() -> None:
    inner = [(1, [2, 3], [1, 0])]
    model = node_model("Relu", [["n", 6]])
    assert check_rule(model, "x0", [0, 1], inner).output_inner == [[(1, [2, 3], [1, 0])]]
    check_rule(node_model("Add", [["n", 6], ["n", 6]]), "x1", [1, 0], inner)


def test_inner_orders_of_what_stands_beside() -> None:
    channels = np.arange(6, dtype=np.float32)
    inner = [(1, [2, 3], [1, 0])]
    model = node_model("Mul", [[2, 6, 5, 4], Constant(channels[:, None, None])])
    drawn = check_rule(model, "y0", TO_NHWC, inner)
    assert np.array_equal(constant(drawn, 1).ravel(), channels.reshape(2, 3).T.ravel())
    single = node_model("Mul", [[2, 6, 5, 4], [2, 1, 5, 1]])
    assert check_rule(single, "y0", TO_NHWC, inner).input_inner == [inner, []]
    lower = node_model("Mul", [[2, 6, 5, 4], [5, 4]])
    assert check_rule(lower, "x0", TO_NHWC, inner).input_inner == [inner, []]
    bias = node_model("Add", [[2, 5, 6], Constant(channels)])
    drawn = check_rule(bias, "x0", [0, 2, 1], [(2, [3, 2], [1, 0])])
    assert np.array_equal(constant(drawn, 1), channels.reshape(3, 2).T.reshape(6, 1))
    asked = node_model("Add", [[6], [2, 5, 6]])
    assert check_rule(asked, "x0", [0], [(0, [3, 2], [1, 0])]).output_inner == [
        [(2, [3, 2], [1, 0])]
    ]


def test_an_axis_in_another_inner_order_must_be_whole_or_single() -> None:
    model = node_model("Add", [[2, 6], ["n", "c"]])
    assert refusal(model, "x0", [0, 1], [(1, [2, 3], [1, 0])]).endswith(
        "input 1 'x1' may broadcast along axis 1, which is stored in another inner order"
    )


def test_an_operand_of_unknown_rank() -> None:
    model = node_model("Add", [[2, 3], Given(None)])
    assert refusal(model, "x0", [1, 0]).endswith("the rank of input 1 'x1' is not known")


def test_broadcasting_before_opset_7() -> None:
    model = node_model("Add", [[2, 3, 4], [3]], opset=6, broadcast=1, axis=1)
    assert refusal(model, "x0", [2, 0, 1]).endswith(
        "before opset 7 it names the axis where its inputs meet"
    )


def test_ranks_that_contradict_each_other() -> None:
    model = node_model("PRelu", [[2, 3], [4, 2, 3]])
    assert refusal(model, "x1", [2, 0, 1]).endswith("its output has another rank than its inputs")


@pytest.mark.parametrize("inputs", [[], [None, [2, 3]]])
def test_a_node_that_lacks_its_input(inputs: list[Input]) -> None:
    model = node_model("Relu", inputs)
    model.graph.output[0].CopyFrom(
        onnx.helper.make_tensor_value_info("y0", onnx.TensorProto.FLOAT, [2, 3])
    )
    assert "rank" in refusal(model, "y0", [1, 0])


def test_a_value_that_is_read_twice() -> None:
    model = node_model("Mul", [[2, 3, 4]])
    model.graph.node[0].input.append("x0")
    assert relaid(model, "x0", [2, 0, 1]).inputs == [[2, 0, 1], [2, 0, 1]]
    check_rule(model, "y0", [2, 0, 1])
