"""Sizes that contradict each other are named, both of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.one_node import Constant, contradiction


def ints(*numbers: int) -> Constant:
    return Constant(np.array(numbers, np.int64))


CONTRADICTIONS: list[tuple[str, list[Any], dict[str, Any], str]] = [
    ("Add", [[2, 3], [2, 4]], {}, "sizes 3 and 4 do not broadcast"),
    ("Where", [[2], [3], [3]], {}, "sizes 2 and 3 do not broadcast"),
    (
        "Reshape",
        [[2, 3], ints(4, -1)],
        {},
        "input 0 'x0' [2, 3] does not fit the shape: 6 elements do not divide into groups of 4",
    ),
    (
        "Reshape",
        [[2, 3], ints(2, 4)],
        {},
        "input 0 'x0' [2, 3] has 6 elements, the shape [2, 4] takes 8",
    ),
    ("Reshape", [[2, 3], ints(-1, -1)], {}, "the shape has 2 -1"),
    (
        "Reshape",
        [[6], ints(1, 0)],
        {},
        "the shape copies axis 1 of input 0 'x0', which has rank 1",
    ),
    (
        "Flatten",
        [[2, 3]],
        {"axis": 3},
        "axis 3 is outside of input 0 'x0', which has rank 2",
    ),
    ("Unsqueeze", [[2, 3], ints(5)], {}, "axis 5 is outside of rank 3"),
    ("Unsqueeze", [[2, 3], ints(1, -3)], {}, "axis -3 is named twice"),
    (
        "Squeeze",
        [[2, 3], ints(1)],
        {},
        "axis 1 of input 0 'x0' has size 3, Squeeze drops sizes of 1",
    ),
    (
        "Transpose",
        [[2, 3]],
        {"perm": [0, 0]},
        "perm is no order of the 2 axes of input 0 'x0'",
    ),
    ("SpaceToDepth", [[1, 1, 4, 4]], {"blocksize": 0}, "blocksize is 0"),
    (
        "SpaceToDepth",
        [[1, 1, 5, 4]],
        {"blocksize": 2},
        "axis 2 of input 0 'x0' has size 5, which 2 does not divide",
    ),
    ("DepthToSpace", [[1, 4, 4]], {"blocksize": 2}, "input 0 'x0' has rank 3, it takes 4"),
    ("Expand", [[2, 3], ints(2, 4)], {}, "sizes 3 and 4 do not broadcast"),
    (
        "Tile",
        [[2, 3], ints(2)],
        {},
        "1 repeats for input 0 'x0', which has rank 2",
    ),
    (
        "Concat",
        [[2, 3], [2, 4]],
        {"axis": 0},
        "axis 1 of input 1 'x1' has size 4, that of others 3",
    ),
    ("Concat", [[2, 3], [2]], {"axis": 0}, "input 1 'x1' has rank 1, others have 2"),
    ("Concat", [[2, 3]], {"axis": 2}, "axis 2 is outside of rank 2"),
    (
        "Split",
        [[5]],
        {"opset": 13, "outputs": 2},
        "size 5 does not divide into 2 equal parts",
    ),
    (
        "Split",
        [[5]],
        {"opset": 18, "num_outputs": 4, "outputs": 4},
        "size 5 does not divide into 4 parts",
    ),
    ("Split", [[5], ints(1, 2, 2)], {"outputs": 2}, "3 parts for 2 outputs"),
    ("Split", [[5], ints(1, 2)], {"outputs": 2}, "parts of 3 in all split an axis of size 5"),
    ("Split", [[5], ints(6, -1)], {"outputs": 2}, "a part of size -1"),
    ("Split", [[5]], {"axis": 1, "outputs": 2}, "axis 1 is outside of rank 1"),
    ("Slice", [[5], ints(0), ints(2), ints(0), ints(0)], {}, "a step of 0"),
    (
        "Slice",
        [[5], ints(0), ints(2), ints(1)],
        {},
        "axis 1 is outside of input 0 'x0', which has rank 1",
    ),
    (
        "Slice",
        [[5], ints(0), ints(2, 3)],
        {},
        "starts, ends, axes and steps have different lengths",
    ),
    (
        "Gather",
        [[5, 3], ints(1, 5)],
        {},
        "index 5 in input 1 'x1' is outside of an axis of size 5",
    ),
    ("Gather", [[5], ints(0)], {"axis": 1}, "axis 1 is outside of rank 1"),
    ("GatherElements", [[5], [2, 2]], {}, "input 0 'x0' has rank 1, input 1 'x1' has 2"),
    ("GatherND", [[5], Constant(np.array(3))], {}, "input 1 'x1' is a scalar"),
    (
        "GatherND",
        [[5], ints(1, 2)],
        {},
        "indices of 2 behind 0 batch axes for input 0 'x0', which has rank 1",
    ),
    ("Compress", [[5], ints(1)], {"axis": 2}, "axis 2 is outside of rank 1"),
    ("Pad", [[5], ints(1, 1, 1)], {}, "3 pads for 1 axes"),
    ("Pad", [[5], ints(-3, -3)], {}, "axis 0 of input 0 'x0' has size 5, its pads take more away"),
    ("Pad", [[5], ints(0, 0), None, ints(1)], {}, "axis 1 is outside of rank 1"),
    ("CenterCropPad", [[5], ints(1, 2)], {}, "2 sizes for 1 axes"),
    ("CenterCropPad", [[5], ints(1)], {"axes": [3]}, "axis 3 is outside of rank 1"),
    ("ConstantOfShape", [ints(2, -3)], {}, "input 0 'x0' asks for size -3"),
    ("OneHot", [[5], ints(3), ints(0, 1)], {"axis": 2}, "axis 2 is outside of rank 2"),
    ("Trilu", [[5]], {}, "input 0 'x0' has rank 1, Trilu takes matrices"),
    ("Unique", [[5]], {"axis": 1}, "axis 1 is outside of rank 1"),
    (
        "TopK",
        [[5], ints(6)],
        {"outputs": 2},
        "the top 6 of axis 0 of input 0 'x0', which has size 5",
    ),
    ("TopK", [[5], ints(2)], {"outputs": 2, "axis": 1}, "axis 1 is outside of rank 1"),
    ("ArgMax", [[5]], {"axis": -2}, "axis -2 is outside of rank 1"),
    (
        "ReduceSum",
        [[5], ints(1)],
        {},
        "axis 1 is outside of input 0 'x0', which has rank 1",
    ),
    (
        "BitCast",
        [[5]],
        {"to": 11, "opset": 26},
        "BitCast from float32 to float64: elements of another width",
    ),
]


@pytest.mark.parametrize(("op_type", "inputs", "how", "text"), CONTRADICTIONS)
def test_what_contradicts_itself_is_named(
    op_type: str, inputs: list[Any], how: dict[str, Any], text: str
) -> None:
    message = contradiction(op_type, *inputs, **how)
    assert message.endswith(text), message
    assert "'n'" in message
