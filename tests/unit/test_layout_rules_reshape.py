"""Reshape and Flatten in other layouts: no element moves, targets stay constants."""

from __future__ import annotations

from itertools import permutations
from math import prod
from typing import Any

import numpy as np
import onnx
import pytest

from pyonnxtool import _core, from_proto
from pyonnxtool.errors import Refused
from support.one_node import Constant, Given, Input, node_model
from support.ort_runs import run
from support.relaid import check_rule, constant, op_types, refusal, relaid, stored

TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]


def reshape(dims: Input, target: list[int], **attributes: Any) -> onnx.ModelProto:
    return node_model("Reshape", [dims, Constant(np.array(target))], opset=21, **attributes)


def layouts(drawn: _core.RelaidNode) -> tuple[Any, Any]:
    return drawn.inputs[0], drawn.outputs[0]


def test_tokens_of_an_image() -> None:
    drawn = check_rule(reshape(["n", 8, "h", "w"], [0, 8, -1]), "x0", TO_NHWC)
    assert layouts(drawn) == (TO_NHWC, [0, 2, 1])
    assert constant(drawn, 1).tolist() == [0, -1, 8]


def test_tokens_back_to_an_image() -> None:
    drawn = check_rule(reshape(["n", 8, 20], [0, 8, 4, 5]), "x0", [0, 2, 1])
    assert layouts(drawn) == ([0, 2, 1], TO_NHWC)
    assert constant(drawn, 1).tolist() == [0, 4, 5, 8]
    assert layouts(check_rule(reshape(["n", 8, 20], [0, 8, 4, 5]), "y0", TO_NHWC))[0] == [0, 2, 1]


def test_what_the_file_copies_and_leaves_over_stays_so() -> None:
    drawn = check_rule(reshape([1, 8, 4, 5], [0, 8, -1]), "x0", TO_NHWC)
    assert constant(drawn, 1).tolist() == [0, -1, 8]
    drawn = check_rule(reshape([2, 8, 4, 5], [-1, 8, 20]), "x0", TO_NHWC)
    assert constant(drawn, 1).tolist() == [-1, 20, 8]


def test_one_open_size_is_left_over() -> None:
    drawn = check_rule(reshape(["n", 12, 5], [-1, 3, 4, 5]), "x0", [1, 0, 2])
    assert layouts(drawn) == ([1, 0, 2], [1, 2, 0, 3])
    assert constant(drawn, 1).tolist() == [3, 4, -1, 5]


def test_heads_are_split_in_place() -> None:
    drawn = check_rule(reshape(["b", "s", 12], [0, 0, 3, 4]), "y0", [1, 0, 2, 3])
    assert layouts(drawn)[0] == [1, 0, 2]
    assert op_types(drawn) == ["Reshape"] and constant(drawn, 1).tolist() == [0, 0, 3, 4]


def test_heads_cannot_leave_the_axis_that_holds_them() -> None:
    text = refusal(reshape(["b", "s", 12], [0, 0, 3, 4]), "y0", [0, 2, 1, 3])
    assert "axis 2 of its input would be torn apart" in text


COMPUTED = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n, 8, s] x, float[n, 8, h, w] image) => (float[a, b, c, d] y)
<int64[1] zero = {0}, int64[1] two = {2}, int64[1] three = {3}, int64[1] eight = {8},
 int64[1] rest = {-1}> {
  sizes = Shape (image)
  n = Gather (sizes, zero)
  h = Gather (sizes, two)
  w = Gather (sizes, three)
  target = Concat <axis = 0> (n, eight, h, LAST)
  [n] y = Reshape (x, target)
}
"""


@pytest.mark.parametrize("last", ["w", "rest"])
def test_a_target_that_is_computed_is_read_in_another_order(last: str) -> None:
    model = from_proto(onnx.parser.parse_model(COMPUTED.replace("LAST", last)))
    drawn = _core.relayout_node(model, "n", True, 0, TO_NHWC)
    assert drawn.inputs[0] == [0, 2, 1]
    assert op_types(drawn) == ["Gather", "Reshape"]
    x = np.random.default_rng(0).normal(size=(2, 8, 20)).astype(np.float32)
    size = {"w": 5, "rest": -1}[last]
    feed = {"x": stored(x, [0, 2, 1]), "target": np.array([2, 8, 4, size])}
    ((got,),) = run(onnx.ModelProto.FromString(drawn.model.to_bytes()), [feed])
    assert np.array_equal(got, x.reshape(2, 8, 4, 5).transpose(TO_NHWC))


def test_a_computed_target_that_copies_a_size_stays_in_place() -> None:
    text = COMPUTED.replace("Concat <axis = 0> (n,", "Concat <axis = 0> (zero,")
    model = from_proto(onnx.parser.parse_model(text.replace("LAST", "w")))
    with pytest.raises(Refused, match="its shape would have to be computed"):
        _core.relayout_node(model, "n", True, 0, [2, 3, 0, 1])


def test_open_sizes_that_change_place_are_read_from_the_input() -> None:
    model = reshape(["n", "h", "w", 39], [0, 0, 0, 3, 13])
    drawn = check_rule(model, "x0", [0, 3, 1, 2])
    assert drawn.outputs == [[0, 3, 4, 1, 2]]
    assert op_types(drawn) == ["Shape", "Concat", "Gather", "Reshape"]


def test_flatten_merges_axes_in_the_order_in_which_they_lie() -> None:
    model = node_model("Flatten", [["n", 3, 4, 5]])
    drawn = check_rule(model, "x0", TO_NHWC)
    assert drawn.outputs == [[0, 1]]
    assert drawn.output_inner == [[(1, [3, 20], [1, 0])]]
    assert op_types(drawn) == ["Flatten"]
    check_rule(model, "y0", [0, 1], [(1, [3, 20], [1, 0])])


def test_a_target_that_holds_for_merged_axes_stays() -> None:
    drawn = check_rule(reshape(["n", 3, 4, 5], [0, -1]), "x0", TO_NHWC)
    assert constant(drawn, 1).tolist() == [0, -1]
    assert drawn.output_inner == [[(1, [3, 20], [1, 0])]]


def test_channel_shuffle() -> None:
    split = reshape(["n", 6, 4, 5], [0, 2, 3, 4, 5])
    join = reshape(["n", 3, 2, 4, 5], [0, 6, 4, 5])
    drawn = check_rule(split, "x0", TO_NHWC)
    assert layouts(drawn)[1] == [0, 3, 4, 1, 2]
    drawn = check_rule(join, "x0", [0, 2, 1, 3, 4])
    assert drawn.outputs == [[0, 1, 2, 3]]
    assert drawn.output_inner == [[(1, [3, 2], [1, 0])]]
    drawn = check_rule(join, "x0", [0, 3, 4, 2, 1])
    assert drawn.outputs == [TO_NHWC] and drawn.output_inner == [[(1, [3, 2], [1, 0])]]
    drawn = check_rule(split, "x0", TO_NHWC, [(1, [2, 3], [1, 0])])
    assert layouts(drawn)[1] == [0, 3, 4, 2, 1]
    assert "inner order" in refusal(split, "x0", TO_NHWC, [(1, [3, 2], [1, 0])])


SHAPES = [
    ([2, 3, 4, 5], [6, 20]),
    ([2, 3, 4, 5], [2, 60]),
    ([2, 3, 4, 5], [2, 3, 20]),
    ([2, 3, 20], [2, 3, 4, 5]),
    ([6, 20], [2, 3, 4, 5]),
    ([2, 12, 5], [2, 3, 4, 5]),
    ([4, 6, 5], [2, 12, 5]),
    ([4, 6, 5], [6, 4, 5]),
    ([4, 6, 3], [8, 9]),
    ([2, 1, 3, 1], [2, 3]),
    ([2, 3], [1, 2, 1, 3]),
    ([2, 1, 3, 5], [2, 3, 1, 5]),
    ([1, 1], [1, 1, 1]),
    ([2, 3, 4], [24]),
    ([24], [2, 3, 4]),
]


@pytest.mark.parametrize(("dims", "target"), SHAPES)
@pytest.mark.parametrize("side", ["x0", "y0"])
def test_every_order_is_drawn_right_or_refused(
    dims: list[int], target: list[int], side: str
) -> None:
    model = reshape(dims, target)
    known = 0
    for perm in permutations(range(len(dims if side == "x0" else target))):
        if list(perm) == sorted(perm):
            continue
        try:
            check_rule(model, side, perm)
        except Refused as refused:
            assert "torn apart" in str(refused) or "stay together" in str(refused)
        else:
            known += 1
    assert known or dims in ([24], [4, 6, 3]) or target == [24]


@pytest.mark.parametrize(("dims", "target"), SHAPES)
def test_what_one_side_becomes_leads_back(dims: list[int], target: list[int]) -> None:
    """Without sizes of 1, whose place is free, each side follows from the other."""
    if 1 in dims + target:
        return
    model = reshape(dims, target)
    for perm in permutations(range(len(dims))):
        if list(perm) == sorted(perm):
            continue
        try:
            drawn = relaid(model, "x0", perm)
        except Refused:
            continue
        across, inner = drawn.outputs[0], drawn.output_inner[0] or []
        if across == sorted(across or []) and not inner:
            continue
        back = check_rule(model, "y0", across or [], inner)
        assert back.inputs[0] == list(perm) and not back.input_inner[0]


def test_inner_orders_of_every_cut() -> None:
    model = reshape([12, 5], [2, 6, 5])
    for sizes in ([2, 6], [6, 2], [3, 4], [4, 3], [2, 2, 3], [2, 3, 2]):
        for order in permutations(range(len(sizes))):
            if list(order) == sorted(order):
                continue
            assert prod(sizes) == 12
            try:
                check_rule(model, "x0", [1, 0], [(0, sizes, order)])
            except Refused as refused:
                assert "torn apart" in str(refused) or "inner order" in str(refused)


def test_sizes_that_are_no_numbers_cannot_be_merged_in_another_order() -> None:
    text = refusal(reshape(["n", 8, "h", "w"], [0, -1]), "x0", TO_NHWC)
    assert "its axes are merged in another order, and the size h is not a number" in text


def test_flatten_splits_elsewhere() -> None:
    model = node_model("Flatten", [["n", 3, 4, "w"]], axis=-2)
    drawn = check_rule(model, "x0", [2, 3, 0, 1])
    assert drawn.outputs == [[1, 0]]
    check_rule(model, "y0", [1, 0])
    for perm in permutations(range(4)):
        if list(perm) == sorted(perm):
            continue
        try:
            check_rule(node_model("Flatten", [[2, 3, 4, 5]], axis=2), "x0", perm)
        except Refused as refused:
            assert "torn apart" in str(refused)


def test_allowzero_goes_when_zeros_copy() -> None:
    model = reshape(["n", 8, 4, 5], [-1, 8, 20], allowzero=1)
    check_rule(model, "x0", TO_NHWC)


@pytest.mark.parametrize("dims", [[2, 0, 3], ["n", 3, 0]])
def test_a_shape_without_elements_stays(dims: list[int | str]) -> None:
    assert "holds no elements" in refusal(reshape(dims, [-1, 0]), "x0", [1, 0, 2])


def test_a_shape_that_is_not_known_stays() -> None:
    model = node_model("Reshape", [[2, 3, 4], Given([3], "int64")])
    assert "only known when the model runs" in refusal(model, "x0", [1, 0, 2])
    model = node_model("Reshape", [[2, 3, 4], Given(None, "int64")])
    assert "only known when the model runs" in refusal(model, "x0", [1, 0, 2])
