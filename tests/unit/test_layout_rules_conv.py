"""Convolutions and pools in other layouts, on onnxruntime."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from support.one_node import Constant, Given, Input, node_model
from support.relaid import check_rule, constant, op_types, refusal

TO_NHWC = [0, 2, 3, 1]
ROUNDING = 1e-5
"""Of sums in another order, relative to the scale of the result."""


def weights(*dims: int, seed: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=dims).astype(np.float32)


def conv(
    x: Input,
    w: tuple[int, ...],
    *,
    bias: bool = True,
    op_type: str = "Conv",
    opset: int = 22,
    **attributes: Any,
) -> onnx.ModelProto:
    made = w[1] * attributes.get("group", 1) if op_type == "ConvTranspose" else w[0]
    inputs: list[Input] = [x, Constant(weights(*w))]
    if bias:
        inputs.append(Constant(weights(made, seed=4)))
    return node_model(op_type, inputs, opset=opset, **attributes)


def test_spatial_axes_change_places() -> None:
    model = conv(
        ["n", 4, 9, 11],
        (6, 4, 3, 2),
        pads=[1, 0, 2, 1],
        strides=[2, 1],
        dilations=[1, 2],
        kernel_shape=[3, 2],
    )
    for operand in ("x0", "y0"):
        drawn = check_rule(model, operand, [0, 1, 3, 2], tolerance=ROUNDING)
        assert drawn.inputs == [[0, 1, 3, 2], [0, 1, 3, 2], [0]]
        assert constant(drawn, 1).shape == (6, 4, 2, 3)
    node = onnx.ModelProto.FromString(drawn.model.to_bytes()).graph.node[0]
    numbers = {one.name: list(one.ints) for one in node.attribute}
    assert numbers == {
        "kernel_shape": [2, 3],
        "pads": [0, 1, 1, 2],
        "strides": [1, 2],
        "dilations": [2, 1],
    }


@pytest.mark.parametrize("perm", [[0, 1, 3, 4, 2], [0, 1, 4, 3, 2], [0, 1, 2, 4, 3]])
def test_three_spatial_axes(perm: list[int]) -> None:
    model = conv([1, 2, 5, 6, 7], (3, 2, 1, 2, 3), strides=[1, 2, 1], auto_pad="SAME_UPPER")
    check_rule(model, "x0", perm, tolerance=ROUNDING)
    model = conv([1, 2, 5, 6, 7], (2, 3, 1, 2, 3), op_type="ConvTranspose", strides=[1, 2, 3])
    check_rule(model, "y0", perm, tolerance=ROUNDING)


def test_transposed_convolutions() -> None:
    model = conv(
        ["n", 4, 5, 6],
        (4, 3, 3, 2),
        op_type="ConvTranspose",
        group=2,
        strides=[2, 3],
        output_padding=[1, 0],
        pads=[1, 0, 0, 1],
    )
    check_rule(model, "x0", [0, 1, 3, 2], tolerance=ROUNDING)
    model = conv(
        [1, 4, 5, 6], (4, 3, 3, 2), op_type="ConvTranspose", strides=[2, 2], output_shape=[10, 12]
    )
    check_rule(model, "x0", [0, 1, 3, 2], tolerance=ROUNDING)


@pytest.mark.parametrize("op_type", ["Conv", "ConvTranspose"])
def test_channels_stay_behind_the_batch(op_type: str) -> None:
    model = conv([1, 4, 5, 6], (4, 4, 3, 3), op_type=op_type)
    for operand in ("x0", "y0"):
        assert "has its batch and channels first" in refusal(model, operand, TO_NHWC)
        assert "has its batch and channels first" in refusal(model, operand, [1, 0, 2, 3])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("opset", [7, 11, 22])
def test_a_kernel_of_one_position_is_a_product(bias: bool, opset: int) -> None:
    model = conv(["n", 4, "h", 6], (5, 4, 1, 1), bias=bias, opset=opset)
    for operand in ("x0", "y0"):
        for perm in permutations(range(4)):
            if perm[-1] == 1 or perm[-2] == 1:
                drawn = check_rule(model, operand, perm, tolerance=ROUNDING)
                assert op_types(drawn) == (["MatMul", "Add"] if bias else ["MatMul"])
                assert drawn.inputs[0] == drawn.outputs[0] == list(perm)
            elif perm[:2] == (0, 1) and perm != (0, 1, 2, 3):
                assert op_types(check_rule(model, operand, perm, tolerance=ROUNDING)) == ["Conv"]


def test_the_matrix_of_such_a_product_has_two_axes() -> None:
    drawn = check_rule(conv([1, 4, 6, 6], (5, 4, 1, 1), bias=False), "x0", TO_NHWC, tolerance=1e-6)
    assert constant(drawn, 1).shape == (4, 5)
    drawn = check_rule(conv([1, 4, 6], (5, 4, 1), bias=False), "x0", [0, 2, 1], tolerance=1e-6)
    assert constant(drawn, 1).shape == (4, 5)


@pytest.mark.parametrize("attributes", [{"strides": [2, 2]}, {"pads": [0, 1, 0, 0]}, {"group": 2}])
def test_one_position_is_no_product_with(attributes: dict[str, Any]) -> None:
    model = conv([1, 4, 6, 6], (6, 4 // attributes.get("group", 1), 1, 1), **attributes)
    assert "batch and channels first" in refusal(model, "x0", TO_NHWC)


def test_a_weight_of_the_run_is_no_matrix() -> None:
    model = node_model("Conv", [[1, 4, 6, 6], [5, 4, 1, 1]])
    assert "batch and channels first" in refusal(model, "x0", TO_NHWC)


def test_a_weight_of_the_run_changes_places_too() -> None:
    model = node_model("Conv", [[1, 4, 6, 7], [5, 4, 2, 3]], strides=[1, 2])
    drawn = check_rule(model, "x1", [0, 1, 3, 2], tolerance=ROUNDING)
    assert drawn.inputs == [[0, 1, 3, 2], [0, 1, 3, 2]]
    assert "first two axes of its weight" in refusal(model, "x1", [1, 0, 2, 3])


SHUFFLED = [(1, [2, 3], [1, 0])]


def test_a_shuffle_of_channels_is_met_by_the_weight() -> None:
    model = conv([1, 6, 5, 5], (4, 6, 3, 3))
    drawn = check_rule(model, "x0", [0, 1, 2, 3], SHUFFLED, tolerance=ROUNDING)
    assert drawn.outputs == [[0, 1, 2, 3]] and drawn.output_inner == [[]]
    assert op_types(drawn) == ["Conv"]
    model = conv([1, 4, 5, 5], (6, 4, 3, 3))
    drawn = check_rule(model, "y0", [0, 1, 3, 2], SHUFFLED, tolerance=ROUNDING)
    assert drawn.input_inner[0] == []
    model = conv([1, 6, 5, 5], (6, 4, 3, 3), op_type="ConvTranspose")
    check_rule(model, "x0", [0, 1, 2, 3], SHUFFLED, tolerance=ROUNDING)
    model = conv([1, 4, 5, 5], (4, 6, 3, 3), op_type="ConvTranspose")
    check_rule(model, "y0", [0, 1, 2, 3], SHUFFLED, tolerance=ROUNDING)


def test_depthwise_convolutions_pass_a_shuffle_on() -> None:
    model = conv([1, 6, 5, 5], (12, 1, 3, 3), group=6)
    drawn = check_rule(model, "x0", [0, 1, 2, 3], SHUFFLED, tolerance=ROUNDING)
    assert drawn.output_inner == [[(1, [2, 3, 2], [1, 0, 2])]]
    back = check_rule(model, "y0", [0, 1, 2, 3], [(1, [2, 3, 2], [1, 0, 2])], tolerance=ROUNDING)
    assert back.input_inner[0] == SHUFFLED
    across = [(1, [6, 2], [1, 0])]
    assert "channels of its groups are mixed" in refusal(model, "y0", [0, 1, 2, 3], across)
    model = conv([1, 6, 5, 5], (6, 1, 3, 3), op_type="ConvTranspose", group=6)
    drawn = check_rule(model, "x0", [0, 1, 2, 3], SHUFFLED, tolerance=ROUNDING)
    assert drawn.output_inner == [SHUFFLED]


def test_groups_keep_together() -> None:
    model = conv([1, 6, 5, 5], (4, 3, 3, 3), group=2)
    assert "channels of its groups are mixed" in refusal(model, "x0", [0, 1, 2, 3], SHUFFLED)
    model = conv([1, 12, 5, 5], (4, 3, 3, 3), group=4)
    drawn = check_rule(model, "x0", [0, 1, 2, 3], [(1, [2, 2, 3], [1, 0, 2])], tolerance=ROUNDING)
    assert drawn.output_inner == [[(1, [2, 2], [1, 0])]]


def test_inner_orders_of_other_axes_are_refused() -> None:
    model = conv([1, 4, 6, 6], (4, 4, 3, 3))
    assert "axis 2 is stored in another" in refusal(
        model, "x0", [0, 1, 2, 3], [(2, [2, 3], [1, 0])]
    )


def test_a_product_reads_a_shuffle_too() -> None:
    model = conv([1, 6, 5, 5], (4, 6, 1, 1))
    drawn = check_rule(model, "x0", TO_NHWC, SHUFFLED, tolerance=ROUNDING)
    assert op_types(drawn) == ["MatMul", "Add"]
    model = conv([1, 4, 5, 5], (6, 4, 1, 1))
    check_rule(model, "y0", TO_NHWC, SHUFFLED, tolerance=ROUNDING)


QUANTIZED: list[Input] = [
    Given([1, 4, 6, 7], "uint8"),
    Constant(np.float32(0.05)),
    Constant(np.uint8(120)),
    Constant(np.random.default_rng(0).integers(-99, 99, (6, 4, 3, 2)).astype(np.int8)),
    Constant(np.linspace(0.01, 0.06, 6, dtype=np.float32)),
    Constant(np.zeros(6, np.int8)),
    Constant(np.float32(0.3)),
    Constant(np.uint8(100)),
    Constant(np.arange(6, dtype=np.int32)),
]


def test_quantized_convolutions() -> None:
    model = node_model("QLinearConv", QUANTIZED, strides=[2, 1])
    check_rule(model, "x0", [0, 1, 3, 2])
    check_rule(model, "y0", [0, 1, 2, 3], SHUFFLED)
    assert "batch and channels first" in refusal(model, "x0", TO_NHWC)
    zero = Constant(np.array(3, np.uint8))
    model = node_model("ConvInteger", [QUANTIZED[0], QUANTIZED[3], zero], strides=[2, 1])
    check_rule(model, "x0", [0, 1, 3, 2])
    check_rule(model, "y0", [0, 1, 2, 3], SHUFFLED)


def test_fused_convolutions() -> None:
    model = conv([1, 4, 5, 6], (4, 4, 3, 2), op_type="FusedConv")
    model.graph.node[0].domain = "com.microsoft"
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("activation", "Relu"))
    check_rule(model, "x0", [0, 1, 3, 2], tolerance=ROUNDING)
    assert "batch and channels first" in refusal(model, "x0", TO_NHWC)


def flagged(op_type: str, inputs: list[Input], last: bool, **attributes: Any) -> onnx.ModelProto:
    return node_model(
        op_type, inputs, domain="com.microsoft", channels_last=int(last), **attributes
    )


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    "op_type", ["QLinearConv", "QLinearAveragePool", "QLinearGlobalAveragePool"]
)
def test_quantized_operators_have_a_flag(op_type: str, last: bool) -> None:
    x = Given([2, 6, 7, 4] if last else [2, 4, 6, 7], "uint8")
    quantization: list[Input] = QUANTIZED[1:3] + QUANTIZED[6:8]
    if op_type == "QLinearConv":
        model = flagged(op_type, [x, *QUANTIZED[1:]], last, strides=[2, 1], kernel_shape=[3, 2])
    elif op_type == "QLinearAveragePool":
        model = flagged(op_type, [x, *quantization], last, kernel_shape=[3, 2], strides=[2, 1])
    else:
        model = flagged(op_type, [x, *quantization], last)
    channels = 3 if last else 1
    for perm in permutations(range(4)):
        if list(perm) == [0, 1, 2, 3]:
            continue
        if perm[0] == 0 and channels in (perm[1], perm[3]):
            check_rule(model, "x0", perm)
            check_rule(model, "y0", perm)
        else:
            assert "its batch first, and its channels behind it or last" in refusal(
                model, "x0", perm
            )


@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool", "LpPool"])
def test_pools(op_type: str) -> None:
    model = node_model(
        op_type,
        [["n", 3, 8, 9]],
        kernel_shape=[3, 2],
        strides=[2, 1],
        pads=[1, 0, 1, 1],
        ceil_mode=1,
    )
    for perm in permutations(range(4)):
        if list(perm) == [0, 1, 2, 3]:
            continue
        if set(perm[:2]) == {0, 1}:
            check_rule(model, "x0", perm, tolerance=ROUNDING)
            check_rule(model, "y0", perm, tolerance=ROUNDING)
        else:
            assert "a pool has its batch and channels first" in refusal(model, "x0", perm)
    check_rule(
        node_model(op_type, [[1, 6, 4, 4]], kernel_shape=[2, 2]), "x0", [0, 1, 2, 3], SHUFFLED
    )


def test_indices_of_a_pool_count_in_its_order() -> None:
    model = node_model("MaxPool", [[1, 2, 4, 4]], outputs=2, kernel_shape=[2, 2])
    assert "its indices count in the order" in refusal(model, "x0", [0, 1, 3, 2])


@pytest.mark.parametrize("opset", [7, 13, 21])
@pytest.mark.parametrize(
    ("op_type", "attributes", "reduction"),
    [
        ("GlobalAveragePool", {}, "ReduceMean"),
        ("GlobalMaxPool", {}, "ReduceMax"),
        ("GlobalLpPool", {}, "ReduceL2"),
        ("GlobalLpPool", {"p": 1}, "ReduceL1"),
    ],
)
def test_pools_of_all_positions_are_reductions(
    opset: int, op_type: str, attributes: dict[str, Any], reduction: str
) -> None:
    model = node_model(op_type, [["n", 3, 5, "w"]], opset=opset, **attributes)
    for perm in permutations(range(4)):
        if list(perm) == [0, 1, 2, 3]:
            continue
        for operand in ("x0", "y0"):
            drawn = check_rule(model, operand, perm, tolerance=ROUNDING)
            if set(perm[:2]) == {0, 1}:
                assert op_types(drawn) == [op_type]
            else:  # columns before rows where one batch has its channels last
                steps = 2 if perm[0] == 0 and perm[3] == 1 else 1
                assert op_types(drawn) == [reduction] * steps


def test_several_batches_are_reduced_at_once() -> None:
    for batch, steps in ((1, 2), (4, 1)):
        model = node_model("GlobalAveragePool", [[batch, 3, 5, 4]])
        drawn = check_rule(model, "x0", TO_NHWC, tolerance=ROUNDING)
        assert op_types(drawn) == ["ReduceMean"] * steps
    model = node_model("GlobalAveragePool", [[1, 3, 7]])
    drawn = check_rule(model, "x0", [0, 2, 1], tolerance=ROUNDING)
    assert op_types(drawn) == ["ReduceMean"]
    model = node_model("GlobalMaxPool", [[1, 3, 4, 5, 6]])
    assert len(op_types(check_rule(model, "x0", [0, 2, 3, 4, 1]))) == 2


def test_a_power_that_no_reduction_takes() -> None:
    model = node_model("GlobalLpPool", [[1, 3, 5, 5]], p=3)
    assert "no reduction takes this power" in refusal(model, "x0", TO_NHWC)


def test_ranks_have_to_be_known() -> None:
    model = node_model("Conv", [[1, 3, 5, 5], Given(None)])
    assert "rank of input 1 'x1' is not known" in refusal(model, "x0", [0, 1, 3, 2])


@pytest.mark.parametrize("op_type", ["Conv", "MaxPool", "GlobalMaxPool"])
def test_a_plane_has_no_spatial_axes(op_type: str) -> None:
    inputs: list[Input] = [[2, 3], [3, 3]] if op_type == "Conv" else [[2, 3]]
    model = node_model(op_type, inputs)
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("kernel_shape", [1]))
    assert "it has no spatial axes" in refusal(model, "x0", [1, 0])


@pytest.mark.parametrize("attribute", ["strides", "pads", "kernel_shape"])
def test_lists_of_another_length_are_refused(attribute: str) -> None:
    model = conv([1, 4, 5, 6], (4, 4, 3, 2), **{attribute: [1, 1, 1]})
    assert f"{attribute} does not have" in refusal(model, "x0", [0, 1, 3, 2])
