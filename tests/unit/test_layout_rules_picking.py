"""Operators that pick and put elements by index, in other layouts: on onnxruntime, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.one_node import Constant, Given, node_model
from support.permutations import check_orders
from support.relaid import check_rule, constant, op_types, refusal

TO_NHWC = [0, 2, 3, 1]


def below(limit: int, *shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(limit).integers(-limit, limit, shape)


@pytest.mark.parametrize("opset", [7, 11, 13])
@pytest.mark.parametrize("shape", [[4], [4, 3], [2, 4, 3], [2, 4, 3, 2], [2, 4, 3, 2, 2]])
def test_one_element_of_an_axis(shape: list[int], opset: int) -> None:
    rank = len(shape)
    for axis in range(rank):
        model = node_model("Gather", [shape, Constant(np.array(1))], opset=opset, axis=axis - rank)
        check_orders(model, ("x0",), rank, most=5)
        check_orders(model, ("y0",), rank - 1, most=5)


@pytest.mark.parametrize("shape", [[4, 3], [2, 4, 3], [2, 4, 3, 2], [2, 4, 3, 2, 2]])
def test_some_elements_of_an_axis(shape: list[int]) -> None:
    rank = len(shape)
    for axis in range(rank):
        chosen = below(2, 3)
        for given in (Constant(chosen), chosen):
            model = node_model("Gather", [shape, given], opset=13, axis=axis)
            check_orders(model, ("x0", "y0"), rank, most=4, feed={"x1": chosen})


def test_a_table_of_indices_stays_together() -> None:
    chosen = below(3, 2, 4)
    model = node_model("Gather", [[2, 3, 5], Constant(chosen)], opset=13, axis=1)
    drawn = check_rule(model, "x0", [2, 1, 0])
    assert drawn.outputs == [[3, 1, 2, 0]]
    assert check_rule(model, "x0", [1, 2, 0]).outputs == [[1, 2, 3, 0]]
    turned = check_rule(model, "y0", [3, 2, 1, 0])
    assert turned.inputs == [[2, 1, 0], [1, 0]]
    assert constant(turned, 1).shape == (4, 2)
    apart = "the axes of its indices do not stay together"
    assert apart in refusal(model, "y0", [1, 0, 2, 3])
    assert apart in refusal(model, "y0", [2, 3, 0, 1])


def test_indices_that_are_computed_move_too() -> None:
    chosen = below(3, 2, 4)
    model = node_model("Gather", [[2, 3, 5], chosen], opset=13, axis=1)
    drawn = check_rule(model, "x1", [1, 0], feed={"x1": chosen})
    assert drawn.inputs == [[0, 1, 2], [1, 0]]
    assert drawn.outputs == [[0, 2, 1, 3]]
    assert check_rule(model, "y0", [0, 2, 1, 3], feed={"x1": chosen}).inputs == drawn.inputs


def test_axes_beside_the_gathered_one_may_be_in_an_inner_order() -> None:
    inner = [(2, [2, 3], [1, 0])]
    model = node_model("Gather", [[2, 3, 6], Constant(below(3, 2, 2))], opset=13, axis=1)
    drawn = check_rule(model, "x0", [0, 2, 1], inner)
    assert drawn.output_inner == [[(3, [2, 3], [1, 0])]]
    back = check_rule(model, "y0", [0, 3, 1, 2], [(3, [2, 3], [1, 0])])
    assert back.input_inner[0] == inner
    along = node_model("Gather", [[2, 3, 6], Constant(below(6, 2, 2))], opset=13, axis=2)
    picked = check_rule(along, "x0", [0, 2, 1], inner)
    assert picked.outputs == [[0, 2, 3, 1]]
    computed = node_model("Gather", [[2, 3, 6], Given([2], "int64")], opset=13, axis=2)
    reason = "its axis 2 is stored in another inner order"
    assert reason in refusal(computed, "x0", [0, 2, 1], inner)
    assert "the rank of input 1 'x1' is not known" in refusal(
        node_model("Gather", [[2, 3], Given(None, "int64")], opset=13), "x0", [1, 0]
    )


@pytest.mark.parametrize("opset", [11, 13])
def test_elements_by_index(opset: int) -> None:
    chosen = below(3, 2, 2, 4)
    for given in (Constant(chosen), chosen):
        model = node_model("GatherElements", [[2, 3, 4], given], opset=opset, axis=1)
        check_orders(model, ("x0", "x1", "y0"), 3, feed={"x1": chosen})


@pytest.mark.parametrize("op_type", ["Scatter", "ScatterElements"])
def test_elements_are_put_by_index(op_type: str) -> None:
    chosen = np.argsort(np.random.default_rng(1).normal(size=(2, 3, 4)), axis=1)[:, :2]
    opset = 9 if op_type == "Scatter" else 16
    model = node_model(op_type, [[2, 3, 4], chosen, [2, 2, 4]], opset=opset, axis=1)
    check_orders(model, ("x0", "x1", "x2", "y0"), 3, feed={"x1": chosen})
    if op_type == "ScatterElements":
        summed = node_model(
            op_type, [[2, 3, 4], chosen, [2, 2, 4]], opset=18, axis=-2, reduction="add"
        )
        check_orders(summed, ("x0", "y0"), 3, feed={"x1": chosen})


def test_slices_by_tuples() -> None:
    tuples = np.stack([below(2, 5), below(3, 5)], axis=-1)
    model = node_model("GatherND", [[2, 3, 4, 5], Constant(tuples)], opset=12)
    drawn = check_rule(model, "x0", [0, 1, 3, 2])
    assert drawn.outputs == [[0, 2, 1]]
    assert check_rule(model, "y0", [0, 2, 1]).inputs[0] == [0, 1, 3, 2]
    mixed = "axes that its indices name move among others"
    assert mixed in refusal(model, "x0", TO_NHWC)
    assert mixed in refusal(model, "x0", [1, 0, 2, 3])
    assert mixed in refusal(model, "y0", [1, 0, 2])


def test_slices_by_tuples_behind_batches() -> None:
    tuples = below(4, 2, 3, 6, 1)
    how: dict[str, Any] = {"opset": 13, "batch_dims": 2}
    model = node_model("GatherND", [[2, 3, 4, 5, 7], Constant(tuples)], **how)
    drawn = check_rule(model, "x0", [1, 0, 2, 4, 3])
    assert drawn.inputs == [[1, 0, 2, 4, 3], [1, 0, 2, 3]]
    assert drawn.outputs == [[1, 0, 2, 4, 3]]
    check_rule(model, "y0", [1, 0, 2, 3, 4])
    computed = node_model("GatherND", [[2, 3, 4, 5, 7], tuples], **how)
    check_rule(computed, "x1", [1, 0, 2, 3], feed={"x1": tuples})


def test_tuples_of_unknown_length_stay() -> None:
    model = node_model("GatherND", [[2, 3, 4], Given([5, "k"], "int64")], opset=12)
    assert "how many axes its indices name is not known" in refusal(model, "x0", [0, 2, 1])


def test_onnxruntimes_own_slices_by_tuples() -> None:
    tuples = np.stack([below(2, 5), below(3, 5)], axis=-1)
    model = node_model(
        "GatherND", [[2, 3, 4, 5], Constant(tuples)], opset=13, domain="com.microsoft"
    )
    check_rule(model, "x0", [0, 1, 3, 2])


@pytest.mark.parametrize("opset", [11, 16])
def test_slices_are_put_by_tuples(opset: int) -> None:
    tuples = np.array([[[0, 0], [1, 2]], [[1, 1], [0, 2]]])
    inputs = [[2, 3, 4, 5], tuples, [2, 2, 4, 5]]
    model = node_model("ScatterND", inputs, opset=opset)
    feed = {"x1": tuples}
    slices = check_rule(model, "x0", [0, 1, 3, 2], feed=feed)
    assert slices.inputs == [[0, 1, 3, 2], [0, 1, 2], [0, 1, 3, 2]]
    assert slices.outputs == [[0, 1, 3, 2]]
    assert check_rule(model, "y0", [0, 1, 3, 2], feed=feed).inputs == slices.inputs
    rows = check_rule(model, "x2", [1, 0, 3, 2], feed=feed)
    assert rows.inputs == [[0, 1, 3, 2], [1, 0, 2], [1, 0, 3, 2]]
    assert check_rule(model, "x1", [1, 0, 2], feed=feed).outputs == [[0, 1, 2, 3]]
    assert "axes that its indices name move" in refusal(model, "x1", [0, 2, 1])


def test_a_mask_keeps_slices() -> None:
    mask = Constant(np.array([True, False, True]))
    model = node_model("Compress", [[2, 3, 4, 5], mask], opset=11, axis=1)
    check_orders(model, ("x0", "y0"), 4)
    flat = node_model("Compress", [[2, 3, 4, 5], mask], opset=11)
    assert "it takes its input for a flat list" in refusal(flat, "x0", TO_NHWC)


@pytest.mark.parametrize("opset", [9, 11])
def test_indices_become_vectors(opset: int) -> None:
    values = Constant(np.array([0, 1], np.float32))
    depth = Constant(np.array([5], np.int64))
    indices = np.random.default_rng(0).integers(0, 5, (2, 3, 4))
    for axis in (-1, 0, 1):
        model = node_model("OneHot", [indices, depth, values], opset=opset, axis=axis)
        check_orders(model, ("x0",), 3, feed={"x0": indices})
        check_orders(model, ("y0",), 4, most=10, feed={"x0": indices})


def test_triangles() -> None:
    for upper in (0, 1):
        for offset in ([], [Constant(np.array(1))], [Constant(np.array(-2))]):
            model = node_model("Trilu", [[2, 3, 4, 5], *offset], opset=14, upper=upper)
            for order in ([1, 0, 2, 3], [0, 1, 3, 2], [1, 0, 3, 2]):
                check_rule(model, "x0", order)
                check_rule(model, "y0", order)
            assert "its matrices are the last two axes" in refusal(model, "x0", TO_NHWC)
    computed = node_model("Trilu", [[4, 5], Given([], "int64")], opset=14)
    assert "its diagonal is computed" in refusal(computed, "x0", [1, 0])


def test_positions_are_listed_in_the_order_of_the_input() -> None:
    model = node_model("NonZero", [[2, 3]], opset=13)
    assert "it lists positions in the order of its input" in refusal(model, "x0", [1, 0])


def test_different_slices() -> None:
    data = np.random.default_rng(4).integers(0, 2, (2, 5, 2)).astype(np.float32)
    how: dict[str, Any] = {"opset": 11, "outputs": 4}
    unsorted = node_model("Unique", [[2, 5, 2]], axis=1, sorted=0, **how)
    check_orders(unsorted, ("x0", "y0"), 3, feed={"x0": data})
    ordered = node_model("Unique", [[2, 5, 2]], axis=1, **how)
    check_rule(ordered, "x0", [1, 0, 2], feed={"x0": data})
    assert "the order of the elements counts" in refusal(ordered, "x0", [2, 1, 0])
    flat = node_model("Unique", [[2, 5, 2]], **how)
    assert "it takes its input for a flat list" in refusal(flat, "x0", [2, 1, 0])


def test_blocks_of_space_stay() -> None:
    for op_type in ("SpaceToDepth", "DepthToSpace"):
        model = node_model(op_type, [[2, 4, 4, 4]], opset=13, blocksize=2)
        assert "it trades blocks between axes 1, 2 and 3" in refusal(model, "x0", TO_NHWC)


def test_sequences_are_reversed_along_the_first_two_axes() -> None:
    lengths = Constant(np.array([2, 1, 3], np.int64))
    model = node_model("ReverseSequence", [[4, 3, 5], lengths], opset=10)
    check_rule(model, "x0", [1, 0, 2])
    turned = node_model(
        "ReverseSequence", [[3, 4, 5, 2], lengths], opset=10, batch_axis=0, time_axis=1
    )
    check_rule(turned, "y0", [0, 1, 3, 2])
    check_rule(turned, "x0", [1, 0, 3, 2])
    assert "batch and time are the first two axes" in refusal(model, "x0", [2, 0, 1])


@pytest.mark.parametrize("opset", [7, 13, 15, 21])
def test_sizes_are_listed_in_the_order_of_the_file(opset: int) -> None:
    for shape in ([2, 3], [2, 3, 4], [2, 3, 4, 5], [2, 3, 4, 5, 6]):
        check_orders(node_model("Shape", [shape], opset=opset), ("x0",), len(shape), most=8)
    ranges: list[dict[str, int]] = [{"start": 1}, {"end": -1}, {"start": 2, "end": 4}]
    for how in [*ranges, {"start": 3, "end": 1}] if opset >= 15 else []:
        check_orders(node_model("Shape", [[2, 3, 4, 5]], opset=opset, **how), ("x0",), 4)
    check_orders(node_model("Size", [[2, 3, 4, 5]], opset=opset), ("x0",), 4, most=4)


def test_sizes_that_still_lie_in_a_row_are_listed_at_once() -> None:
    model = node_model("Shape", [["n", 3, "h", "w"]], opset=15, start=2, end=4)
    assert op_types(check_rule(model, "x0", TO_NHWC)) == ["Shape"]
    whole = node_model("Shape", [["n", 3, "h", "w"]], opset=15)
    assert op_types(check_rule(whole, "x0", TO_NHWC)) == ["Shape", "Gather"]
    inner = [(1, [2, 3], [1, 0])]
    check_rule(node_model("Shape", [[2, 6, 3]], opset=13), "x0", [0, 2, 1], inner)
    check_rule(node_model("Size", [[2, 6, 3]], opset=13), "x0", [0, 2, 1], inner)
