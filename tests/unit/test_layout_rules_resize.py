"""Resize and Upsample in other layouts: as far as onnxruntime runs them there, on onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.one_node import Constant, Given, node_model
from support.permutations import check_orders, orders
from support.relaid import check_rule, op_types, refusal, relaid

TO_NHWC = [0, 2, 3, 1]
ROUNDING = 1e-6
"""Weighted sums in another order."""
LINEAR = "onnxruntime interpolates linearly behind two axes that are not scaled, or between"
CUBIC = "onnxruntime interpolates cubically behind two axes that are not scaled"


def floats(*numbers: float) -> Constant:
    return Constant(np.array(numbers, np.float32))


def ints(*numbers: int) -> Constant:
    return Constant(np.array(numbers, np.int64))


def resized(shape: list[Any], scales: list[float], opset: int = 13, **how: Any) -> Any:
    roi = Constant(np.zeros(0, np.float32)) if opset < 13 else None
    inputs = [shape, floats(*scales)] if opset < 11 else [shape, roi, floats(*scales)]
    return node_model("Resize", inputs, opset=opset, **how)


@pytest.mark.parametrize("opset", [10, 11, 13, 18, 19])
@pytest.mark.parametrize("shape", [[3, 4], [2, 3, 4], [2, 3, 4, 5], [1, 2, 3, 4, 2]])
def test_nearest_elements_of_any_axes(shape: list[int], opset: int) -> None:
    scales = [1.0, 2.0, 0.5, 1.5, 2.0][: len(shape)]
    model = resized(shape, scales, opset, mode="nearest")
    check_orders(model, ("x0", "y0"), len(shape), most=6)


@pytest.mark.parametrize("opset", [7, 9])
def test_upsample(opset: int) -> None:
    scales = [1.0, 1.0, 2.0, 3.0]
    given: dict[str, Any] = {"scales": scales} if opset < 9 else {}
    inputs: list[Any] = [[2, 3, 4, 5]] if opset < 9 else [[2, 3, 4, 5], floats(*scales)]
    nearest = node_model("Upsample", inputs, opset=opset, mode="nearest", **given)
    check_orders(nearest, ("x0", "y0"), 4, most=6)
    linear = node_model("Upsample", inputs, opset=opset, mode="linear", **given)
    check_rule(linear, "x0", TO_NHWC, tolerance=ROUNDING)
    assert LINEAR in refusal(linear, "x0", [2, 3, 0, 1])


def runs_linearly(order: list[int], scaled: set[int]) -> bool:
    stored = {order.index(axis) for axis in scaled}
    if len(order) == 4:
        return 0 not in stored and not {1, 3} <= stored
    return len(order) < 4 or not stored & {0, 1}


@pytest.mark.parametrize("opset", [10, 11, 13, 18])
@pytest.mark.parametrize(
    ("shape", "scales"),
    [
        ([4, 5], [2.0, 1.5]),
        ([2, 4, 5], [1.0, 2.0, 1.5]),
        ([2, 3, 4, 5], [1.0, 1.0, 2.0, 1.5]),
        ([2, 3, 4, 5], [1.0, 1.0, 1.0, 2.0]),
        ([1, 2, 3, 4, 2], [1.0, 1.0, 2.0, 1.5, 2.0]),
    ],
)
def test_linear_interpolation(shape: list[int], scales: list[float], opset: int) -> None:
    model = resized(shape, scales, opset, mode="linear")
    scaled = {axis for axis, scale in enumerate(scales) if scale != 1}
    for order in orders(len(shape), 12):
        for operand in ("x0", "y0"):
            if runs_linearly(order, scaled) or all(order[axis] == axis for axis in scaled):
                check_rule(model, operand, order, tolerance=ROUNDING)
            else:
                assert LINEAR in refusal(model, operand, order)


MODES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")


@pytest.mark.parametrize("antialias", [0, 1])
@pytest.mark.parametrize("coordinates", MODES)
def test_channels_last_in_every_coordinate_mode(coordinates: str, antialias: int) -> None:
    for scales in ([1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 0.6, 1.7]):
        how = {"coordinate_transformation_mode": coordinates, "antialias": antialias}
        model = resized([2, 3, 7, 8], scales, 19, mode="linear", **how)
        check_rule(model, "x0", TO_NHWC, tolerance=ROUNDING)


def test_cubic_interpolation_stays_behind_two_axes() -> None:
    model = resized([2, 3, 4, 5], [1.0, 1.0, 2.0, 1.5], mode="cubic")
    check_rule(model, "x0", [1, 0, 2, 3], tolerance=ROUNDING)
    check_rule(model, "x0", [0, 1, 3, 2], tolerance=1e-5)
    assert CUBIC in refusal(model, "x0", TO_NHWC)
    plane = resized([4, 5], [2.0, 1.5], mode="cubic")
    check_rule(plane, "x0", [1, 0], tolerance=1e-5)


def test_interpolated_integers_are_rounded_otherwise() -> None:
    pixels = Given([2, 3, 4, 5], "uint8")
    inputs = [pixels, None, floats(1, 1, 0.6, 0.7)]
    model = node_model("Resize", inputs, opset=19, mode="linear")
    reason = "onnxruntime rounds interpolated integers otherwise there"
    assert reason in refusal(model, "x0", TO_NHWC)
    check_rule(model, "x0", [1, 0, 2, 3])
    smooth = node_model("Resize", inputs, opset=19, mode="linear", antialias=1)
    check_rule(smooth, "x0", TO_NHWC)
    nearest = node_model("Resize", inputs, opset=19, mode="nearest")
    check_rule(nearest, "x0", TO_NHWC)


def test_sizes() -> None:
    for opset in (11, 13, 18, 19):
        empty = Constant(np.zeros(0, np.float32)) if opset < 13 else None
        inputs = [["n", 3, 4, 5], empty, empty, ints(2, 3, 6, 10)]
        nearest = node_model("Resize", inputs, opset=opset, mode="nearest")
        check_orders(nearest, ("x0", "y0"), 4, most=6)
        inputs[0] = [2, 3, 4, 5]
        linear = node_model("Resize", inputs, opset=opset, mode="linear")
        check_rule(linear, "x0", TO_NHWC, tolerance=ROUNDING)


def test_scales_and_sizes_that_are_computed_are_taken_in_stored_order() -> None:
    scales = np.array([1, 1, 2, 1.5], np.float32)
    model = node_model("Resize", [[2, 3, 4, 5], None, scales], opset=13, mode="nearest")
    assert op_types(relaid(model, "x0", TO_NHWC)) == ["Gather", "Resize"]
    check_orders(model, ("x0", "y0"), 4, most=6, feed={"x2": scales})
    sizes = np.array([2, 3, 8, 7], np.int64)
    model = node_model("Resize", [[2, 3, 4, 5], None, None, sizes], opset=13, mode="nearest")
    check_orders(model, ("x0", "y0"), 4, most=6, feed={"x3": sizes})
    linear = node_model("Resize", [[2, 3, 4, 5], None, sizes], opset=13, mode="linear")
    assert LINEAR in refusal(linear, "x0", TO_NHWC)
    unknown = Given(["k"], "float32")
    model = node_model("Resize", [[2, 3, 4, 5], None, unknown], opset=13, mode="nearest")
    assert "input 2 'x2' is not known to have 4 elements" in refusal(model, "x0", TO_NHWC)


@pytest.mark.parametrize("policy", ["stretch", "not_larger", "not_smaller"])
def test_named_axes(policy: str) -> None:
    inputs = [[2, 3, 4, 5], None, None, ints(9, 8)]
    # onnxruntime takes another size for the policy where an axis is counted from the end.
    axes = [3, -2] if policy == "stretch" else [3, 2]
    how: dict[str, Any] = {"axes": axes, "keep_aspect_ratio_policy": policy}
    model = node_model("Resize", inputs, opset=18, mode="nearest", **how)
    check_orders(model, ("x0", "y0"), 4, most=6)
    linear = node_model("Resize", inputs, opset=18, mode="linear", **how)
    check_rule(linear, "x0", TO_NHWC, tolerance=ROUNDING)
    computed = np.array([2, 1.5], np.float32)
    scaled = node_model(
        "Resize", [[2, 3, 4, 5], None, computed], opset=18, mode="linear", axes=[2, 3]
    )
    check_rule(scaled, "x0", TO_NHWC, tolerance=ROUNDING, feed={"x2": computed})


def test_a_region_follows_its_axes() -> None:
    region = floats(0, 0, 0.1, 0.2, 1, 1, 0.8, 0.9)
    how = {"coordinate_transformation_mode": "tf_crop_and_resize", "opset": 13}
    model = node_model("Resize", [[2, 3, 4, 5], region, floats(1, 1, 2, 2)], mode="nearest", **how)
    check_orders(model, ("x0",), 4, most=6)
    linear = node_model("Resize", [[2, 3, 4, 5], region, floats(1, 1, 2, 2)], mode="linear", **how)
    assert LINEAR in refusal(linear, "x0", TO_NHWC)


def test_axes_that_are_not_scaled_may_be_in_an_inner_order() -> None:
    inner = [(1, [2, 3], [1, 0])]
    model = resized([2, 6, 3, 4], [1.0, 1.0, 2.0, 2.0], mode="nearest")
    check_rule(model, "x0", TO_NHWC, inner)
    scaled = resized([2, 6, 3, 4], [1.0, 2.0, 2.0, 2.0], mode="nearest")
    assert "its axis 1 is stored in another inner order" in refusal(scaled, "x0", TO_NHWC, inner)
