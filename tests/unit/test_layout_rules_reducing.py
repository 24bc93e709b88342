"""Operators that reduce, normalize or accumulate along axes, in other layouts: on onnxruntime."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import onnx
import pytest

from support.one_node import Constant, Given, node_model
from support.permutations import check_orders
from support.relaid import check_rule, constant, op_types, refusal, relaid

TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]
ROUNDING = 1e-6
"""Sums in another order."""


def ints(*numbers: int, dtype: str = "int64") -> Constant:
    return Constant(np.array(numbers, dtype))


def attribute(drawn: Any, name: str) -> Any:
    node = onnx.ModelProto.FromString(drawn.model.to_bytes()).graph.node[-1]
    found = [onnx.helper.get_attribute_value(one) for one in node.attribute if one.name == name]
    return found[0] if found else None


def reduction(op_type: str, shape: list[int], axes: list[int], opset: int, **how: Any) -> Any:
    as_input = opset >= (13 if op_type == "ReduceSum" else 18)
    inputs = [shape, ints(*axes)] if as_input else [shape]
    attributes = how if as_input else {"axes": axes, **how}
    return node_model(op_type, inputs, opset=opset, **attributes)


SUMS = ("ReduceSum", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp")


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("opset", [7, 11, 13, 18])
@pytest.mark.parametrize("op_type", [*SUMS, "ReduceMax", "ReduceMin", "ReduceProd"])
def test_reduced_axes_follow(op_type: str, opset: int, keepdims: int) -> None:
    axes = [1, -1] if opset >= 11 else [1, 3]
    model = reduction(op_type, [2, 3, 4, 5], axes, opset, keepdims=keepdims)
    tolerance = 0.0 if op_type in ("ReduceMax", "ReduceMin") else ROUNDING
    check_orders(model, ("x0",), 4, most=6, tolerance=tolerance)
    check_orders(model, ("y0",), 4 if keepdims else 2, most=6, tolerance=tolerance)


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("shape", [[3, 4], [2, 3, 4], [2, 3, 4, 2], [2, 3, 2, 2, 3]])
def test_every_choice_of_axes(shape: list[int], keepdims: int) -> None:
    rank = len(shape)
    for count in range(1, rank + 1):
        for axes in combinations(range(rank), count):
            model = reduction("ReduceMax", shape, list(axes), 13, keepdims=keepdims)
            check_orders(model, ("x0",), rank, most=3)
            left = rank if keepdims else rank - count
            check_orders(model, ("y0",), left, most=3)


def test_a_transpose_vanishes_into_a_mean_that_drops_the_axes_which_it_moves() -> None:
    model = reduction("ReduceMean", [2, 3, 4, 5], [2, 3], 13, keepdims=0)
    drawn = check_rule(model, "x0", TO_NHWC, tolerance=ROUNDING)
    assert drawn.outputs == [[0, 1]]
    assert attribute(drawn, "axes") == [1, 2]
    turned = check_rule(model, "y0", [1, 0], tolerance=ROUNDING)
    assert turned.inputs == [[1, 0, 2, 3]]


def test_no_axes_are_all_or_none() -> None:
    for how in ({}, {"keepdims": 0}):
        model = node_model("ReduceMean", [[2, 3, 4, 5]], opset=18, **how)
        drawn = check_rule(model, "x0", TO_NHWC, tolerance=ROUNDING)
        assert drawn.outputs == ([[]] if how else [TO_NHWC])
    empty = node_model("ReduceMean", [[2, 3, 4, 5], ints()], opset=18, keepdims=0)
    check_rule(empty, "x0", TO_NHWC, tolerance=ROUNDING)
    none = node_model(
        "ReduceMean", [[2, 3, 4, 5], ints()], opset=18, noop_with_empty_axes=1, keepdims=1
    )
    assert check_rule(none, "x0", TO_NHWC).outputs == [TO_NHWC]


def test_axes_that_are_computed_stay() -> None:
    model = node_model("ReduceSum", [[2, 3, 4, 5], Given([2], "int64")], opset=13)
    assert "its axes are computed" in refusal(model, "x0", TO_NHWC)
    outside = node_model("ReduceSum", [[2, 3], ints(2)], opset=13)
    assert "axis 2 is outside of" in refusal(outside, "x0", [1, 0])


def test_inner_orders_of_axes_that_stay() -> None:
    inner = [(1, [2, 3], [1, 0])]
    beside = reduction("ReduceMax", [2, 6, 4], [2], 13, keepdims=0)
    drawn = check_rule(beside, "x0", [2, 0, 1], inner)
    assert drawn.output_inner == [inner]
    check_rule(beside, "y0", [1, 0], inner)
    gone = reduction("ReduceMax", [2, 6, 4], [1], 13, keepdims=0)
    assert "its axis 1 is stored in another inner order" in refusal(gone, "x0", [2, 0, 1], inner)


@pytest.mark.parametrize("op_type", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_places_of_extremes(op_type: str, keepdims: int) -> None:
    whole = np.random.default_rng(3).integers(0, 3, (2, 3, 4, 5)).astype(np.float32)
    for opset, how in ((7, {}), (11, {}), (13, {"select_last_index": 1})):
        for axis in range(4):
            model = node_model(
                op_type, [[2, 3, 4, 5]], opset=opset, axis=axis, keepdims=keepdims, **how
            )
            check_orders(model, ("x0",), 4, most=4, feed={"x0": whole})
            check_orders(model, ("y0",), 3 + keepdims, most=4, feed={"x0": whole})


def test_the_largest_elements() -> None:
    for axis in (1, -1):
        how = {"axis": axis, "outputs": 2}
        old = node_model("TopK", [[2, 3, 4]], opset=9, k=2, **how)
        check_orders(old, ("x0", "y0", "y1"), 3)
        new = node_model("TopK", [[2, 3, 4, 5], ints(2)], opset=11, largest=0, **how)
        check_orders(new, ("x0", "y0", "y1"), 4, most=5)
    count = np.array([2], np.int64)
    computed = node_model("TopK", [[2, 3, 4], count], opset=11, outputs=2, axis=0)
    check_orders(computed, ("x0", "y1"), 3, feed={"x1": count})


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax", "Hardmax"])
@pytest.mark.parametrize("shape", [[3, 4], [2, 3, 4], [2, 3, 4, 5], [2, 3, 1, 4, 2]])
def test_one_axis_since_opset_13(op_type: str, shape: list[int]) -> None:
    for axis in (0, -1, len(shape) // 2):
        model = node_model(op_type, [shape], opset=13, axis=axis)
        check_orders(model, ("x0", "y0"), len(shape), most=4)
    check_orders(node_model(op_type, [shape], opset=13), ("x0",), len(shape), most=3)


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax", "Hardmax"])
def test_a_matrix_before_opset_13(op_type: str) -> None:
    model = node_model(op_type, [[2, 3, 4, 5]], opset=11, axis=2)
    for order in ([1, 0, 2, 3],):
        check_rule(model, "x0", order)
        check_rule(model, "y0", order)
    cut = "axis cuts the tensor in two before opset 13"
    for order in (TO_NHWC, [0, 2, 1, 3], [2, 3, 0, 1]):
        assert cut in refusal(model, "x0", order)


def test_a_row_of_the_matrix_in_another_order() -> None:
    order = [1, 0, 3, 2]
    model = node_model("Softmax", [[2, 3, 4, 5]], opset=9, axis=2)
    assert op_types(check_rule(model, "x0", order, tolerance=ROUNDING)) == ["Softmax"]
    first = node_model("Hardmax", [[2, 3, 4, 5]], opset=9, axis=2)
    assert "the order of the elements counts" in refusal(first, "x0", order)


def test_axes_of_size_1_do_not_count_for_the_cut() -> None:
    pooled = node_model("Softmax", [["n", 7, 1, 1]], opset=11)
    assert attribute(check_rule(pooled, "x0", TO_NHWC), "axis") is None
    behind = node_model("Softmax", [[1, 1, 5, 7]], opset=11, axis=3)
    assert attribute(check_rule(behind, "x0", [2, 0, 1, 3]), "axis") == 3
    single = node_model("Softmax", [[6, 1, 1, 7]], opset=11, axis=2)
    assert attribute(check_rule(single, "x0", [1, 2, 0, 3]), "axis") == 3
    ordered = node_model("Hardmax", [[6, 1, 4, 7]], opset=11, axis=1)
    assert attribute(check_rule(ordered, "x0", [0, 2, 3, 1]), "axis") == 1


@pytest.mark.parametrize("op_type", ["CumSum", "CumProd"])
def test_running_sums(op_type: str) -> None:
    opset, reference = (14, False) if op_type == "CumSum" else (26, True)
    for axis in (Constant(np.array(1, np.int32)), Constant(np.array(-1, np.int64))):
        how = {"exclusive": 1, "reverse": 1, "opset": opset}
        model = node_model(op_type, [[2, 3, 4, 5], axis], **how)
        check_orders(model, ("x0", "y0"), 4, most=5, reference=reference)
    listed = node_model("CumSum", [[2, 3, 4], ints(2)], opset=11)
    drawn = check_rule(listed, "x0", [2, 0, 1])
    assert constant(drawn, 1).tolist() == [0]
    computed = node_model("CumSum", [[2, 3, 4], Given([], "int64")], opset=11)
    assert "its axis is computed" in refusal(computed, "x0", [2, 0, 1])


def test_norms_along_an_axis() -> None:
    for p in (1, 2):
        model = node_model("LpNormalization", [[2, 3, 4, 5]], opset=13, axis=1, p=p)
        check_orders(model, ("x0", "y0"), 4, most=6, tolerance=ROUNDING)
    check_orders(node_model("LpNormalization", [[2, 3, 4]], opset=13), ("x0",), 3)


def test_mean_and_variance() -> None:
    for how in ({}, {"axes": [0, 1, 2, 3]}, {"axes": [2, 3]}, {"axes": [1]}):
        model = node_model("MeanVarianceNormalization", [[2, 3, 4, 5]], opset=13, **how)
        check_orders(model, ("x0", "y0"), 4, most=6, tolerance=1e-5)


def quantized(shape: list[int]) -> list[Any]:
    return [Given(shape, "uint8"), Constant(np.float32(0.1)), Constant(np.uint8(3))]


def test_quantized_softmax() -> None:
    inputs = [*quantized([2, 3, 4, 5]), Constant(np.float32(1 / 256)), Constant(np.uint8(0))]
    how: dict[str, Any] = {"opset": 13, "domain": "com.microsoft"}
    new = node_model("QLinearSoftmax", inputs, **how, axis=1)
    new.graph.node[0].attribute.append(onnx.helper.make_attribute("opset", 13))
    check_orders(new, ("x0", "y0"), 4, most=6)
    old = node_model("QLinearSoftmax", inputs, **how, axis=2)
    old.graph.node[0].attribute.append(onnx.helper.make_attribute("opset", 11))
    check_rule(old, "x0", [1, 0, 2, 3])
    assert "axis cuts the tensor in two before opset 13" in refusal(old, "x0", TO_NHWC)


@pytest.mark.parametrize("opset", [7, 11, 13, 21])
def test_axes_of_size_1_are_put_in(opset: int) -> None:
    for shape, axes in (([3, 4], [0]), ([3, 4], [1, 3]), ([2, 3, 4], [-1 if opset > 9 else 3])):
        given = {"axes": axes} if opset < 13 else {}
        inputs: list[Any] = [shape] if opset < 13 else [shape, ints(*axes)]
        model = node_model("Unsqueeze", inputs, opset=opset, **given)
        check_orders(model, ("x0",), len(shape), most=5)
        check_orders(model, ("y0",), len(shape) + len(axes), most=8)


@pytest.mark.parametrize("opset", [7, 11, 13, 21])
def test_axes_of_size_1_are_taken_away(opset: int) -> None:
    for shape, axes in (([1, 3, 4], [0]), ([3, 1, 4, 1], [1, 3]), ([2, 1, 3, 1, 4], [3])):
        given = {"axes": axes} if opset < 13 else {}
        inputs: list[Any] = [shape] if opset < 13 else [shape, ints(*axes)]
        model = node_model("Squeeze", inputs, opset=opset, **given)
        check_orders(model, ("x0",), len(shape), most=6)
        check_orders(model, ("y0",), len(shape) - len(axes), most=6)


def test_all_axes_of_size_1_are_taken_away_wherever_they_lie() -> None:
    model = node_model("Squeeze", [[3, 1, 4, 1]], opset=13)
    drawn = check_rule(model, "x0", [3, 2, 0, 1])
    assert drawn.outputs == [[1, 0]]
    check_rule(model, "y0", [1, 0])
    perhaps = node_model("Squeeze", [["n", 1, 4, 1]], opset=13)
    assert "the rank of output 0 'y0' is not known" in refusal(perhaps, "x0", TO_NHWC)


def test_squeezed_axes_that_are_computed_stay() -> None:
    axes = Given([1], "int64")
    for op_type in ("Squeeze", "Unsqueeze"):
        model = node_model(op_type, [[2, 1, 3], axes], opset=13)
        assert "its axes are computed" in refusal(model, "x0", [1, 0, 2])


def test_a_pooled_vector_comes_out_of_either_layout() -> None:
    model = node_model("Squeeze", [["n", 7, 1, 1]], opset=11, axes=[2, 3])
    drawn = relaid(model, "x0", TO_NHWC)
    assert drawn.outputs == [[0, 1]]
    assert attribute(drawn, "axes") == [1, 2]


def test_onnxruntimes_own_unsqueeze() -> None:
    axis = Constant(np.array(-2, np.int32))
    model = node_model("ExpandDims", [[2, 3], axis], opset=13, domain="com.microsoft")
    check_orders(model, ("y0",), 3)
    check_orders(model, ("x0",), 2)
