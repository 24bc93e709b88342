"""Operators that join, cut and pad along axes, in other layouts: on onnxruntime, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from support.changed_layout import relaid as relaid_model
from support.one_node import Constant, Given, node_model
from support.permutations import check_orders
from support.relaid import check_rule, constant, op_types, refusal, relaid
from support.transposes import moved

TO_NHWC = [0, 2, 3, 1]


CUTS = {
    "Split": "y, z = Split <axis = 1> (c)",
    "Slice": "y = Slice (c, zero, half, on) z = Slice (c, half, whole, on)",
}


def ints(*numbers: int, dtype: str = "int64") -> Constant:
    return Constant(np.array(numbers, dtype))


def attribute(drawn: Any, name: str) -> Any:
    (node,) = onnx.ModelProto.FromString(drawn.model.to_bytes()).graph.node
    found = [onnx.helper.get_attribute_value(one) for one in node.attribute if one.name == name]
    return found[0] if found else None


@pytest.mark.parametrize("opset", [7, 11, 13, 21])
@pytest.mark.parametrize("shape", [[2, 3], [2, 3, 4], [2, 3, 4, 5], [2, 3, 1, 2, 2]])
def test_tensors_are_joined_along_an_axis_wherever_it_lies(shape: list[int], opset: int) -> None:
    rank = len(shape)
    for axis in range(0 if opset < 11 else -1, rank):
        other = [size + (at == axis % rank) for at, size in enumerate(shape)]
        model = node_model("Concat", [shape, other, shape], opset=opset, axis=axis)
        check_orders(model, ("x0", "x1", "y0"), rank, most=3)


def test_a_constant_among_joined_tensors_is_relaid() -> None:
    part = np.arange(24, dtype=np.float32).reshape(2, 1, 3, 4)
    model = node_model("Concat", [["n", "c", 3, 4], Constant(part)], opset=13, axis=1)
    model.graph.input[0].type.tensor_type.shape.dim[0].ClearField("dim_param")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    drawn = check_rule(model, "y0", TO_NHWC)
    assert constant(drawn, 1).shape == (2, 3, 4, 1)
    assert attribute(drawn, "axis") == 3


def test_an_axis_that_stays_leaves_the_node_as_it_is() -> None:
    model = node_model("Concat", [["n", 3, "h", 4]] * 2, opset=13, axis=-4)
    assert attribute(check_rule(model, "x0", TO_NHWC), "axis") == -4


@pytest.mark.parametrize("opset", [7, 11, 13, 18])
@pytest.mark.parametrize("shape", [[4, 6], [2, 4, 6], [2, 4, 6, 2], [2, 4, 6, 2, 1]])
def test_tensors_are_split_along_an_axis_wherever_it_lies(shape: list[int], opset: int) -> None:
    axis = shape.index(6)
    attributes: dict[str, Any] = {"split": [1, 5]} if opset < 13 else {}
    sizes = [] if opset < 13 else [ints(1, 5)]
    model = node_model("Split", [shape, *sizes], opset=opset, outputs=2, axis=axis, **attributes)
    check_orders(model, ("x0", "y0", "y1"), len(shape), most=5)


def test_equal_parts_and_sizes_that_are_computed() -> None:
    equal = node_model("Split", [[2, 6, 3]], opset=18, outputs=3, axis=1, num_outputs=3)
    check_orders(equal, ("x0", "y2"), 3)
    sizes = np.array([2, 4], np.int64)
    computed = node_model("Split", [[2, 6, 3], sizes], opset=13, outputs=2, axis=-2)
    check_orders(computed, ("x0", "y1"), 3, feed={"x1": sizes})


def test_another_axis_may_be_stored_in_another_inner_order() -> None:
    inner = [(1, [2, 3], [1, 0])]
    beside = node_model("Concat", [[2, 6, 3]] * 2, opset=13, axis=2)
    assert attribute(check_rule(beside, "x0", [0, 2, 1], inner), "axis") == 1
    along = node_model("Concat", [[2, 6, 3]] * 2, opset=13, axis=1)
    assert "its axis 1 is stored in another inner order" in refusal(along, "x0", [0, 2, 1], inner)


def test_what_is_not_along_the_axis_is_read_as_it_is() -> None:
    sizes = Given([6], "int64")
    model = node_model("Split", [[6, 21], sizes], opset=13, outputs=6, axis=1)
    assert "input 1 'x1' is read as it is" in refusal(model, "x1", [0], [(0, [2, 3], [1, 0])])
    unknown = node_model("Concat", [[2, 3], Given(None)], opset=13, axis=1)
    assert "the rank of input 1 'x1' is not known" in refusal(unknown, "x0", [1, 0])
    outside = node_model("Split", [[4, 4]], opset=13, outputs=2, axis=2)
    assert "the rank of output 0 'y0' is not known" in refusal(outside, "x0", [1, 0])


SHAPES = [[5, 6], [5, 6, 7], [2, 5, 6, 7], [2, 3, 5, 6, 4]]


@pytest.mark.parametrize("shape", SHAPES)
def test_ranges_of_attributes(shape: list[int]) -> None:
    rank = len(shape)
    cut = {"starts": [1, -3], "ends": [-1, 1000]}
    check_orders(node_model("Slice", [shape], opset=9, **cut), ("x0", "y0"), rank, most=5)
    named = node_model("Slice", [shape], opset=9, axes=[rank - 1, 0], **cut)
    check_orders(named, ("x0", "y0"), rank, most=5)


@pytest.mark.parametrize("dtype", ["int64", "int32"])
@pytest.mark.parametrize("shape", SHAPES)
def test_ranges_of_inputs(shape: list[int], dtype: str) -> None:
    rank = len(shape)
    bounds = [ints(3, 1, dtype=dtype), ints(-100, 4, dtype=dtype)]
    steps = ints(-2, 1, dtype=dtype)
    given = [
        [],
        [ints(-1, 0, dtype=dtype)],
        [ints(rank - 2, rank - 1, dtype=dtype), steps],
        [None, ints(-1, 2, dtype=dtype)],
    ]
    for rest in given:
        model = node_model("Slice", [shape, *bounds, *rest], opset=13)
        check_orders(model, ("x0", "y0"), rank, most=4)


@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_ranges_that_are_computed_are_cut_from_other_axes(dtype: str) -> None:
    starts, ends = np.array([1, 0], dtype), np.array([3, -1], dtype)
    for axes in ([ints(1, 3, dtype=dtype)], []):
        model = node_model("Slice", [[2, 3, 5, 6], starts, ends, *axes], opset=13)
        check_orders(model, ("x0", "y0"), 4, most=8, feed={"x1": starts, "x2": ends})


def test_ranges_along_axes_that_are_computed_stay() -> None:
    axes = Given([2], "int64")
    model = node_model("Slice", [[2, 3, 5, 6], ints(0, 0), ints(1, 1), axes], opset=13)
    assert "its axes are computed" in refusal(model, "x0", TO_NHWC)
    many = Given(["k"], "int64")
    model = node_model("Slice", [[2, 3, 5, 6], many, many], opset=13)
    assert "its axes are computed" in refusal(model, "x0", TO_NHWC)


def test_a_range_of_an_axis_in_another_inner_order_is_picked() -> None:
    inner = [(2, [2, 3], [1, 0])]
    for start, end, step in ((1, 4, 1), (-1, -100, -2), (0, 1000, 3), (3, 3, 1)):
        bounds = [ints(start), ints(end), ints(-1), ints(step)]
        model = node_model("Slice", [[2, 4, 6], *bounds], opset=13)
        assert op_types(check_rule(model, "x0", [0, 2, 1], inner)) == ["Gather"]
        assert "its elements would be picked one by one" in refusal(model, "x0", [1, 0, 2], inner)
    several = node_model("Slice", [[2, 4, 6], ints(0, 0), ints(1, 1), ints(1, 2)], opset=13)
    reason = "its axis 2 is stored in another inner order"
    assert reason in refusal(several, "x0", [0, 2, 1], inner)
    computed = node_model("Slice", [[2, 4, 6], Given([1], "int64"), ints(6), ints(2)], opset=13)
    assert reason in refusal(computed, "x0", [0, 2, 1], inner)
    assert reason in refusal(
        node_model("Slice", [[2, 3, 7], ints(1), ints(7), ints(2)], opset=13),
        "y0",
        [0, 2, 1],
        inner,
    )


def test_parts_of_an_axis_in_another_inner_order_are_picked() -> None:
    inner = [(1, [2, 3], [1, 0])]
    model = node_model("Split", [["n", 6, 4], ints(1, 3, 2)], opset=13, outputs=3, axis=1)
    for order in ([0, 1, 2], [1, 0, 2]):
        drawn = check_rule(model, "x0", order, inner)
        assert op_types(drawn) == ["Gather"] * 3
        assert drawn.outputs == [order] * 3
        assert drawn.output_inner == [[]] * 3
    threefold = [(1, [2, 2, 3], [2, 0, 1])]
    halves = node_model("Split", [[2, 12, 4]], opset=18, outputs=2, axis=-2, num_outputs=2)
    check_rule(halves, "x0", [1, 0, 2], [*threefold, (2, [2, 2], [1, 0])])
    assert "its elements would be picked one by one" in refusal(halves, "x0", [0, 2, 1], threefold)
    computed = node_model("Split", [[2, 6, 4], Given([2], "int64")], opset=13, outputs=2, axis=1)
    reason = "its axis 1 is stored in another inner order"
    assert reason in refusal(computed, "x0", [0, 1, 2], inner)


@pytest.mark.parametrize("cut", ["Split", "Slice"])
def test_a_channel_shuffle_vanishes_into_the_cut_behind_it(cut: str) -> None:
    model = onnx.parser.parse_model(f"""
        <ir_version: 8, opset_import: ["" : 13]>
        g (float[1, 6, 2, 2] x) => (float[1, 3, 2, 2] y, float[1, 3, 2, 2] z)
        <int64[5] apart = {{1, 2, 3, 2, 2}}, int64[4] joined = {{1, 6, 2, 2}},
         int64[1] zero = {{0}}, int64[1] half = {{3}}, int64[1] whole = {{6}}, int64[1] on = {{1}}>
        {{
          a = Reshape (x, apart)
          b = Transpose <perm = [0, 2, 1, 3, 4]> (a)
          c = Reshape (b, joined)
          {CUTS[cut]}
        }}""")
    assert moved(model).transposes == 1
    made, shuffled = relaid_model(model)
    assert made.after == (0, 0)
    names = [node.op_type for node in shuffled.graph.node if node.op_type != "Reshape"]
    assert names == ["Gather", "Gather"]


PADDED = [[3, 4], [2, 3, 4], [2, 3, 4, 5], [1, 2, 3, 4, 3]]


def pads_of(rank: int) -> list[int]:
    """Two axes grow, one is cut."""
    before, behind = [0] * rank, [0] * rank
    before[-1], behind[-1], behind[-2] = 1, 2, -1
    before[0] = 1
    return before + behind


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
@pytest.mark.parametrize("shape", PADDED)
def test_pads_follow_their_axes(shape: list[int], mode: str) -> None:
    rank = len(shape)
    pads = pads_of(rank)
    if mode != "constant":
        pads[0], pads[-2] = 0, 0  # onnxruntime cuts nothing in these modes
    opsets = (19, 21) if mode == "wrap" else (11, 13, 18, 21)
    for opset in opsets:
        model = node_model("Pad", [shape, ints(*pads)], opset=opset, mode=mode)
        check_orders(model, ("x0", "y0"), rank, most=4)
    if mode != "wrap":
        old = node_model("Pad", [shape], opset=9, mode=mode, pads=pads)
        check_orders(old, ("x0", "y0"), rank, most=4)


def test_pads_that_are_computed_are_taken_in_stored_order() -> None:
    pads = np.array([0, 0, 1, 2, 0, 1, 0, 1], np.int64)
    filling = Constant(np.array(3, np.float32))
    model = node_model("Pad", [[2, 3, 4, 5], pads, filling], opset=13)
    drawn = relaid(model, "x0", TO_NHWC)
    assert op_types(drawn) == ["Gather", "Pad"]
    check_orders(model, ("x0", "y0"), 4, feed={"x1": pads})


def test_pads_that_lie_in_pairs_are_taken_one_by_one() -> None:
    pads = np.array([0, 0, 1, 2, 0, 1, 0, 1], np.int64)
    model = node_model("Pad", [[2, 3, 4, 5], pads], opset=13)
    inner = [(0, [2, 4], [1, 0])]
    drawn = check_rule(model, "x1", [0], inner, feed={"x1": pads})
    assert op_types(drawn) == ["Gather", "Pad"]
    assert drawn.outputs == [[0, 1, 2, 3]]
    turned = [(0, [2, 2, 2], [2, 0, 1])]
    check_rule(model, "x1", [0], turned, feed={"x1": pads})


def test_pads_of_named_axes() -> None:
    axes = ints(-1, 1)
    for pads in (ints(1, 0, 2, 1), np.array([1, 0, 2, 1], np.int64)):
        model = node_model("Pad", [[2, 3, 4, 5], pads, None, axes], opset=18)
        feed = {} if isinstance(pads, Constant) else {"x1": pads}
        check_orders(model, ("x0", "y0"), 4, feed=feed)
    computed = node_model("Pad", [[2, 3, 4, 5], ints(1, 1), None, Given([1], "int64")], opset=18)
    assert "its axes are computed" in refusal(computed, "x0", TO_NHWC)


def test_pads_of_which_the_length_is_not_known_stay() -> None:
    model = node_model("Pad", [[2, 3, 4, 5], Given(["k"], "int64")], opset=13)
    assert "input 1 'x1' is not known to have 8 elements" in refusal(model, "x0", TO_NHWC)


def test_an_axis_that_does_not_grow_may_be_in_another_inner_order() -> None:
    inner = [(1, [2, 3], [1, 0])]
    beside = node_model("Pad", [[2, 6, 3], ints(0, 0, 1, 0, 0, 1)], opset=13)
    check_rule(beside, "x0", [0, 2, 1], inner)
    along = node_model("Pad", [[2, 6, 3], ints(0, 1, 0, 0, 0, 0)], opset=13)
    assert "its axis 1 is stored in another inner order" in refusal(along, "x0", [0, 2, 1], inner)


def test_onnxruntimes_own_pad() -> None:
    pads = ints(0, 0, 1, 1, 0, 0, 2, 0)
    model = node_model("Pad", [[2, 3, 4, 5], pads], opset=13, domain="com.microsoft")
    check_orders(model, ("x0", "y0"), 4)
    flat = Constant(np.array([[0, 0, 1, 1, 0, 0, 2, 0]], np.int64))
    model = node_model("Pad", [[2, 3, 4, 5], flat], opset=13, domain="com.microsoft")
    assert "input 1 'x1' is not known to have 8 elements" in refusal(model, "x0", TO_NHWC)


def test_a_crop_in_the_middle() -> None:
    model = node_model("CenterCropPad", [[2, 3, 7, 8], ints(4, 4)], opset=18, axes=[2, -1])
    check_orders(model, ("x0", "y0"), 4, most=6)
    whole = node_model("CenterCropPad", [[4, 7, 8], ints(4, 4, 10)], opset=18)
    check_orders(whole, ("x0", "y0"), 3)


def quantized(shape: list[int]) -> list[Any]:
    return [Given(shape, "uint8"), Constant(np.float32(0.1)), Constant(np.uint8(3))]


def test_quantized_tensors_are_joined() -> None:
    scale = [Constant(np.float32(0.2)), Constant(np.uint8(5))]
    inputs = [*scale, *quantized([2, 3, 4, 5]), *quantized([2, 1, 4, 5])]
    model = node_model("QLinearConcat", inputs, opset=13, domain="com.microsoft", axis=1)
    check_orders(model, ("x2", "x5", "y0"), 4, most=6)
