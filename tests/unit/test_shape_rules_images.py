"""Shapes of resized and sampled images, regions and boxes: as onnxruntime makes them, with names in
the place of sizes, and what is said of sizes that do not fit."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from support.one_node import Constant, Given, contradiction, dims, real_shapes, reasons, shapes


def _floats(*numbers: float) -> Constant:
    return Constant(np.array(numbers, np.float32))


def _sizes(*numbers: int) -> Constant:
    return Constant(np.array(numbers, np.int64))


NO_ROI = _floats()
OPSETS = [10, 11, 13, 18, 19]


def _inputs(opset: int, image: Any, scales: Any) -> list[Any]:
    return [image, scales] if opset < 11 else [image, NO_ROI, scales]


SCALES = [0.1, 0.3, 1 / 3, 0.5, 0.6, 2 / 3, 0.7, 0.9, 1.0, 1.1, 1.5, 1.7, 2.0, 2.3, 3.0, 4.0]


@pytest.mark.parametrize("opset", OPSETS)
def test_scaled_as_onnxruntime_scales(opset: int) -> None:
    for size, scale in itertools.product([10, 12, 49, 100], SCALES):
        inputs = _inputs(opset, [1, 1, size, 7], _floats(1, 1, scale, 1))
        assert shapes("Resize", *inputs, opset=opset) == real_shapes(
            "Resize", *inputs, opset=opset
        ), (size, scale)


def test_upsampled_as_onnxruntime_does() -> None:
    given = {"opset": 7, "scales": [1.0, 1.0, 2.0, 1.7]}
    assert shapes("Upsample", [1, 1, 10, 10], **given) == real_shapes(
        "Upsample", [1, 1, 10, 10], **given
    )
    inputs = [[1, 1, 10, 10], _floats(1, 1, 2, 1.5)]
    assert shapes("Upsample", *inputs, opset=9) == real_shapes("Upsample", *inputs, opset=9)
    assert dims("Upsample", ["n", 3, "h", "w"], inputs[1], opset=9) == ["n", 3, "2*h", "w + w//2"]


@pytest.mark.parametrize("policy", ["stretch", "not_larger", "not_smaller"])
def test_sizes_with_the_proportions_of_the_input(policy: str) -> None:
    for image, sizes, axes in itertools.product(
        [[1, 1, 10, 7], [1, 1, 9, 4], [1, 1, 64, 48]], [(5, 9), (9, 5), (7, 7)], [[2, 3], [3, 2]]
    ):
        inputs = [image, None, None, _sizes(*sizes)]
        how: dict[str, Any] = {"opset": 18, "axes": axes, "keep_aspect_ratio_policy": policy}
        assert shapes("Resize", *inputs, **how) == real_shapes("Resize", *inputs, **how)


def test_named_sizes_of_a_resized_image() -> None:
    image = ["batch", 3, "h", "w"]
    assert dims("Resize", image, NO_ROI, _floats(1, 1, 2, 0.5), opset=13) == [
        *("batch", 3, "2*h", "w//2")
    ]
    assert dims("Resize", image, None, None, _sizes(1, 3, 224, 224), opset=13) == [1, 3, 224, 224]
    assert dims("Resize", image, None, _floats(1.5), opset=18, axes=[-1]) == [
        *("batch", 3, "h", "w + w//2")
    ]
    square: dict[str, Any] = {"axes": [2, 3], "opset": 18}
    inputs = [["batch", 3, "s", "s"], None, None, _sizes(30, 40)]
    for policy, size in (("not_larger", 30), ("not_smaller", 40)):
        how = {**square, "keep_aspect_ratio_policy": policy}
        assert dims("Resize", *inputs, **how) == ["batch", 3, size, size]


def test_a_size_that_rounding_decides_is_left_open() -> None:
    """0.7 in float32 is less than 0.7, but 10 times it is 7 there."""
    inputs = _inputs(13, ["batch", 3, "h", 10], _floats(1, 1, 0.7, 0.7))
    assert dims("Resize", *inputs, opset=13) == ["batch", 3, None, 7]
    (reason,) = reasons("Resize", *inputs, opset=13)
    assert "node 'n' (Resize): size times scale" in reason
    how: dict[str, Any] = {"opset": 18, "axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"}
    (reason,) = reasons("Resize", ["n", 3, "h", "w"], None, None, _sizes(9, 9), **how)
    assert reason == "node 'n' (Resize): its proportions are kept as it runs"
    how = {"opset": 13, "coordinate_transformation_mode": "tf_crop_and_resize"}
    (reason,) = reasons("Resize", [1, 1, 9, 9], Given([8]), _floats(1, 1, 2, 2), **how)
    assert reason == "node 'n' (Resize): roi may count for the size"


def test_scales_that_are_computed() -> None:
    inputs = [["batch", 3, 8, 8], None, Given([4])]
    assert dims("Resize", *inputs, opset=13) == [None, None, None, None]
    assert reasons("Resize", *inputs, opset=13) == ["node 'n' (Resize): scales are computed"]
    sizes = [["batch", 3, 8, 8], None, None, Given([2], "int64")]
    assert dims("Resize", *sizes, opset=18, axes=[2, 3]) == ["batch", 3, None, None]
    assert reasons("Resize", *sizes, opset=18, axes=[2, 3]) == [
        "node 'n' (Resize): 'x3' is computed"
    ]


def test_sampled_by_a_grid() -> None:
    flat, deep = [[2, 3, 8, 8], [2, 5, 6, 2]], [[2, 3, 8, 8, 8], [2, 5, 6, 7, 3]]
    assert shapes("GridSample", *flat, opset=16) == real_shapes("GridSample", *flat, opset=16)
    assert shapes("GridSample", *deep, opset=20) == real_shapes("GridSample", *deep, opset=20)
    assert dims("GridSample", ["n", 3, "h", "w"], ["n", "u", "v", 2]) == ["n", 3, "u", "v"]


def test_grids_of_an_affine_map() -> None:
    flat, deep = [[2, 2, 3], _sizes(2, 3, 5, 6)], [[2, 3, 4], _sizes(2, 3, 5, 6, 7)]
    assert shapes("AffineGrid", *flat) == real_shapes("AffineGrid", *flat)
    assert shapes("AffineGrid", *deep) == real_shapes("AffineGrid", *deep)
    assert dims("AffineGrid", ["n", 2, 3], Given([4], "int64")) == ["n", None, None, 2]


def test_regions() -> None:
    indices = np.zeros(7, np.int64)
    how: dict[str, Any] = {"output_height": 5, "output_width": 6}
    inputs = [[1, 3, 8, 8], [7, 4], indices]
    for opset in (10, 16):
        assert shapes("RoiAlign", *inputs, opset=opset, **how) == real_shapes(
            "RoiAlign", *inputs, opset=opset, **how
        )
    pooled = [[1, 3, 8, 8], [7, 5]]
    assert shapes("MaxRoiPool", *pooled, pooled_shape=[2, 3], opset=20) == real_shapes(
        "MaxRoiPool", *pooled, pooled_shape=[2, 3], opset=20
    )
    assert dims("RoiAlign", ["n", 3, 8, 8], ["rois", 4], indices, **how) == ["rois", 3, 5, 6]


def test_the_data_decides_which_boxes_stay() -> None:
    inputs = [["n", "boxes", 4], ["n", 80, "boxes"]]
    many = [*inputs, Constant(np.array([10]))]
    assert shapes("NonMaxSuppression", *many) == [([None, 3], "int64")]
    assert reasons("NonMaxSuppression", *many) == [
        "node 'n' (NonMaxSuppression): the data decides which boxes stay"
    ]
    none = [[1, 6, 4], [1, 2, 6]]
    assert shapes("NonMaxSuppression", *none) == real_shapes("NonMaxSuppression", *none)


@pytest.mark.parametrize(("pixel_format", "channels"), [("RGB", 3), ("BGR", 3), ("Grayscale", 1)])
def test_a_file_decides_the_size_of_its_image(pixel_format: str, channels: int) -> None:
    how = {"pixel_format": pixel_format, "opset": 20}
    known = shapes("ImageDecoder", Given(["bytes"], "uint8"), **how)
    assert known == [([None, None, channels], "uint8")]


IMAGE = [1, 3, 8, 8]


@pytest.mark.parametrize(
    ("op_type", "inputs", "how", "message"),
    [
        (
            "Resize",
            [IMAGE, None, _floats(1, 2)],
            {},
            "scales has 2 numbers, but 4 axes are resized",
        ),
        ("Resize", [IMAGE, None, _floats(1, 1, 0, 2)], {}, "a scale is 0, but has to be above 0"),
        ("Resize", [IMAGE, None, None, _sizes(8, 8)], {}, "'x3' has 2 numbers, but 4 axes are"),
        ("Resize", [IMAGE, None, None, _sizes(1, 3, -8, 8)], {}, "'x3' holds -8"),
        ("Resize", [IMAGE, None, _floats(2)], {"axes": [4]}, "axes holds 4, but 'x0' has 4 axes"),
        ("GridSample", [IMAGE, [2, 5, 6, 2]], {}, "'x1' is 2 long on axis 0, but 'x0' has 1"),
        (
            "GridSample",
            [IMAGE, [1, 5, 6, 3]],
            {},
            "'x1' is 3 long on axis 3, but 'x0' has 2 spatial",
        ),
        ("GridSample", [IMAGE, [1, 5, 2]], {}, "'x1' has 3 axes, but takes 4"),
        ("GridSample", [[1, 3], [1, 2]], {}, "'x0' has 2 axes, but takes 4"),
        ("AffineGrid", [[1, 2, 3], _sizes(1, 3, 8)], {}, "'x1' has 3 sizes, but takes 4"),
        (
            "AffineGrid",
            [[1, 3, 4], _sizes(1, 3, 8, 8)],
            {},
            "'x0' is 3 long on axis 1, but 'x1' has",
        ),
        ("RoiAlign", [IMAGE, [7, 5], [7]], {}, "'x1' is 5 long on axis 1, but a region has 4"),
        ("RoiAlign", [IMAGE, [7, 4], [6]], {}, "'x2' is 6 long on axis 0, but 'x1' has 7 regions"),
        ("RoiAlign", [IMAGE, [7, 4], [7]], {"output_width": 0}, "the output is 1 by 0, but has to"),
        ("MaxRoiPool", [IMAGE, [7, 4]], {"pooled_shape": [2, 2]}, "a region has its image and 4"),
        ("MaxRoiPool", [IMAGE, [7, 5]], {"pooled_shape": [2]}, "pooled_shape has 1 number, but"),
        (
            "NonMaxSuppression",
            [[1, 6, 4], [1, 2, 5]],
            {},
            "'x1' is 5 long on axis 2, but 'x0' has 6",
        ),
        ("NonMaxSuppression", [[6, 4], [1, 2, 5]], {}, "'x0' has 2 axes, but takes 3"),
    ],
)
def test_what_does_not_fit_is_named(op_type: str, inputs: Any, how: Any, message: str) -> None:
    assert message in contradiction(op_type, *inputs, **how)
