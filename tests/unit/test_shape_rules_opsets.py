"""What moved from attributes to inputs, or changed its meaning, between opsets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.one_node import Constant, dims, real_shapes, shapes


def ints(*numbers: int) -> Constant:
    return Constant(np.array(numbers, np.int64))


X = [2, 3, 1, 5]
SAME: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("Slice", [X], {"opset": 9, "starts": [1, -2], "ends": [9, -1], "axes": [1, -1]}),
    ("Slice", [X], {"opset": 9, "starts": [1], "ends": [2**31 - 1]}),
    ("Slice", [X, ints(1, -2), ints(9, -1), ints(1, -1)], {"opset": 10}),
    ("Slice", [X, ints(1, -2), ints(9, -1), ints(1, -1), ints(1, 1)], {"opset": 13}),
    ("Split", [X], {"opset": 11, "axis": 3, "split": [2, 3], "outputs": 2}),
    ("Split", [X, ints(2, 3)], {"opset": 13, "axis": 3, "outputs": 2}),
    ("Split", [X], {"opset": 13, "axis": 1, "outputs": 3}),
    ("Split", [X], {"opset": 18, "axis": 3, "num_outputs": 2, "outputs": 2}),
    ("Squeeze", [X], {"opset": 11, "axes": [-2]}),
    ("Squeeze", [X, ints(2)], {"opset": 13}),
    ("Squeeze", [[1, 3, 1]], {"opset": 11}),
    ("Squeeze", [[1, 3, 1]], {"opset": 13}),
    ("Unsqueeze", [X], {"opset": 11, "axes": [0, -1]}),
    ("Unsqueeze", [X, ints(0, -1)], {"opset": 13}),
    ("Pad", [X], {"opset": 10, "pads": [0, 1, 0, 2, 0, 0, 3, 0]}),
    ("Pad", [X, ints(0, 1, 0, 2, 0, 0, 3, 0)], {"opset": 11}),
    ("Pad", [X, ints(1, 2, -1, 1), None, ints(-1, 0)], {"opset": 18}),
    ("TopK", [X], {"opset": 9, "k": 2, "outputs": 2}),
    ("TopK", [X, ints(2)], {"opset": 10, "axis": 1, "outputs": 2}),
    ("TopK", [X, ints(2)], {"opset": 11, "axis": -1, "largest": 0, "outputs": 2}),
    ("ReduceSum", [X], {"opset": 11, "axes": [1, -1], "keepdims": 0}),
    ("ReduceSum", [X, ints(1, -1)], {"opset": 13, "keepdims": 0}),
    ("ReduceSum", [X], {"opset": 13}),
    ("ReduceSum", [X], {"opset": 13, "noop_with_empty_axes": 1}),
    ("ReduceMean", [X], {"opset": 13, "axes": [2]}),
    ("ReduceMean", [X, ints(2)], {"opset": 18}),
    ("ReduceMax", [X, ints()], {"opset": 18, "keepdims": 0}),
    ("Clip", [X], {"opset": 6, "min": 0.0}),
    ("Clip", [X, Constant(np.float32(0))], {"opset": 11}),
    ("Dropout", [X], {"opset": 7, "outputs": 2}),
    ("Dropout", [X], {"opset": 10, "outputs": 2}),
    ("Dropout", [X], {"opset": 13, "outputs": 2}),
    ("Flatten", [X], {"opset": 7}),
    ("Flatten", [X], {"opset": 13, "axis": -1}),
    ("ArgMax", [X], {"opset": 7, "axis": 3}),
    ("ArgMin", [X], {"opset": 13, "axis": -1, "keepdims": 0}),
    ("Concat", [X, X], {"opset": 7, "axis": 1}),
    ("Concat", [X, X], {"opset": 13, "axis": -1}),
    ("GatherND", [X, ints(1, 2)], {"opset": 11}),
    ("Upsample", [X, Constant(np.array([1, 1, 2, 2], np.float32))], {"opset": 9}),
    ("Scatter", [[5], ints(1, 3), [2]], {"opset": 9}),
    ("Trilu", [[4, 5]], {"opset": 14}),
    ("Unique", [[0]], {"opset": 11, "outputs": 4}),
    ("CumSum", [X, Constant(np.int64(1))], {"opset": 11}),
    ("ReverseSequence", [[4, 3], ints(1, 2, 4)], {"opset": 10, "batch_axis": 1, "time_axis": 0}),
    ("CenterCropPad", [X, ints(4, 2)], {"opset": 18, "axes": [1, -1]}),
]


@pytest.mark.parametrize(("op_type", "inputs", "how"), SAME)
def test_every_opset_is_read_as_it_is_written(
    op_type: str, inputs: list[Any], how: dict[str, Any]
) -> None:
    real = real_shapes(op_type, *inputs, **how)
    assert real is not None, "onnxruntime does not run it"
    for (known, dtype), (size, came) in zip(shapes(op_type, *inputs, **how), real, strict=True):
        assert dtype == came
        assert len(known) == len(size)
        assert all(a in (b, None) for a, b in zip(known, size, strict=True)), (known, size)
        assert None not in known or op_type == "Unique"


def test_shape_takes_a_part_since_opset_15() -> None:
    def part(opset: int, **how: int) -> Any:
        return dims("Shape", ["a", "b", 4], opset=opset, **how)

    assert part(15, start=1) == [2]
    assert part(15, start=-1) == [1]
    assert part(15, start=-9, end=9) == [3]
    assert part(15, start=2, end=1) == [0]
    assert part(13, start=1) == [3]


def test_equal_parts_of_a_named_axis() -> None:
    halves = shapes("Split", ["h"], opset=13, outputs=2)
    assert [size for size, _ in halves] == [["h/2"], ["h/2"]]
    uneven = shapes("Split", ["h"], opset=18, num_outputs=2, outputs=2)
    assert [size for size, _ in uneven] == [["(h + 1)//2"], ["h//2"]]


def test_rank_without_shape_is_kept() -> None:
    free = [None, None]
    assert len(dims("Transpose", free, perm=[1, 0])) == 2
    assert len(dims("Unsqueeze", free, ints(0))) == 3
    assert len(dims("ReduceSum", free, np.array([0]), keepdims=1)) == 2
    assert len(dims("ReduceSum", free, np.array([0]), keepdims=0)) == 1
    assert len(dims("Reshape", free, np.array([1, 2, 3]))) == 3
    assert len(dims("Gather", free, [2, 2])) == 3
