"""Normalizations in other layouts, on onnxruntime."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from support.one_node import Constant, Input, node_model
from support.relaid import check_rule, op_types, refusal

TO_NHWC = [0, 2, 3, 1]
ROUNDING = 1e-5
SHUFFLED = [(1, [2, 3], [1, 0])]


def some(*dims: int, seed: int = 1) -> Constant:
    array: NDArray[Any] = np.random.default_rng(seed).uniform(0.5, 2, dims).astype(np.float32)
    return Constant(array)


def moved(rank: int) -> list[list[int]]:
    return [list(perm) for perm in permutations(range(rank)) if list(perm) != sorted(perm)]


@pytest.mark.parametrize("opset", [7, 9, 14, 15])
def test_batch_normalization(opset: int) -> None:
    lists = [some(6, seed=at) for at in range(4)]
    model = node_model("BatchNormalization", [["n", 6, 4, 5], *lists], opset=opset)
    for perm in moved(4):
        if perm[1] == 1:
            assert op_types(check_rule(model, "x0", perm)) == ["BatchNormalization"]
            check_rule(model, "y0", perm)
        else:
            assert "it has its channels at place 1" in refusal(model, "x0", perm)
    check_rule(model, "x0", [0, 1, 2, 3], SHUFFLED)
    check_rule(model, "y0", [0, 1, 3, 2], SHUFFLED)
    assert "is not what is normalized" in refusal(
        node_model("BatchNormalization", [["n", 6], *([[6]] * 4)]), "x1", [0], [(0, [2, 3], [1, 0])]
    )


def test_batch_normalization_with_a_mean_for_each_place() -> None:
    lists = [some(6, 4, 5, seed=at) for at in range(4)]
    model = node_model("BatchNormalization", [["n", 6, 4, 5], *lists], opset=8, spatial=0)
    assert "each place has a mean of its own" in refusal(model, "x0", [0, 1, 3, 2])


@pytest.mark.parametrize("op_type", ["InstanceNormalization", "GroupNormalization", "LRN"])
def test_channels_are_pinned(op_type: str) -> None:
    given: dict[str, Any] = {"GroupNormalization": {"num_groups": 3}, "LRN": {"size": 3}}
    inputs: list[Input] = [["n", 6, 4, 5]]
    if op_type != "LRN":
        inputs += [some(6), some(6, seed=2)]
    model = node_model(op_type, inputs, opset=21, **given.get(op_type, {}))
    for perm in moved(4):
        if perm[1] == 1 and (perm[0] == 0 or op_type == "LRN"):
            check_rule(model, "x0", perm, tolerance=ROUNDING)
            check_rule(model, "y0", perm, tolerance=ROUNDING)
        else:
            assert "it has its" in refusal(model, "x0", perm)
    if op_type == "InstanceNormalization":
        check_rule(model, "x0", [0, 1, 2, 3], SHUFFLED, tolerance=ROUNDING)
    else:
        assert "another inner order" in refusal(model, "x0", [0, 1, 2, 3], SHUFFLED)


@pytest.mark.parametrize("op_type", ["LayerNormalization", "RMSNormalization"])
@pytest.mark.parametrize("axis", [-1, 1, -2, 0])
def test_axes_stay_on_their_side(op_type: str, axis: int) -> None:
    dims = [2, 3, 4, 5]
    inputs: list[Input] = [dims, some(*dims[axis:])]
    if op_type == "LayerNormalization":
        inputs.append(some(*dims[axis:], seed=2))
    model = node_model(op_type, inputs, opset=23, axis=axis)
    for perm in moved(4):
        if set(perm[axis % 4 :]) == set(range(axis % 4, 4)):
            check_rule(model, "x0", perm, tolerance=ROUNDING)
            check_rule(model, "y0", perm, tolerance=ROUNDING)
        else:
            assert f"it normalizes all axes from axis {axis % 4} on" in refusal(model, "x0", perm)


def test_statistics_of_a_layer_follow() -> None:
    model = node_model("LayerNormalization", [["n", 3, 6], some(6)], outputs=3)
    drawn = check_rule(model, "x0", [1, 0, 2], tolerance=ROUNDING)
    assert drawn.outputs == [[1, 0, 2]] * 3
    inner = [(2, [2, 3], [1, 0])]
    drawn = check_rule(model, "x0", [1, 0, 2], inner, tolerance=ROUNDING)
    assert drawn.input_inner[1] == [(0, [2, 3], [1, 0])] and drawn.output_inner[1] == []
    assert drawn.output_inner[0] == inner


def test_a_scale_that_lacks_axes_is_refused() -> None:
    model = node_model("LayerNormalization", [[2, 3, 4, 5], some(5)], axis=2)
    assert "does not have all axes that are normalized" in refusal(model, "x0", [0, 1, 3, 2])
    assert "is not what is normalized" in refusal(
        node_model("LayerNormalization", [[2, 3, 4], [3, 4]], axis=1), "x1", [1, 0]
    )


@pytest.mark.parametrize("op_type", ["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"])
def test_skips(op_type: str) -> None:
    inputs: list[Input] = [[2, 3, 8], [2, 3, 8], some(8)]
    model = node_model(op_type, inputs, domain="com.microsoft")
    for operand in ("x0", "x1", "y0"):
        check_rule(model, operand, [1, 0, 2], tolerance=ROUNDING)
        assert "it normalizes the last axis" in refusal(model, operand, [0, 2, 1])
    model = node_model(op_type, [["n", 3, 8], [1, 3, 8], some(8)], domain="com.microsoft")
    assert "its two inputs may broadcast" in refusal(model, "x0", [1, 0, 2])
