"""RoiAlign as Gathers and weights gives the numbers that onnxruntime gave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.support.downgraded import check


def roi_align(shape: Sequence[int | str], how: str, mode: str, ratio: int) -> onnx.ModelProto:
    """A model of one RoiAlign to 3 by 2."""
    node = helper.make_node(
        "RoiAlign",
        ["x", "rois", "images"],
        ["y"],
        mode=mode,
        sampling_ratio=ratio,
        output_height=3,
        output_width=2,
        spatial_scale=0.5,
        coordinate_transformation_mode=how,
    )
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, shape),
        helper.make_tensor_value_info("rois", TensorProto.FLOAT, ["k", 4]),
        helper.make_tensor_value_info("images", TensorProto.INT64, ["k"]),
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 4)
    graph = helper.make_graph([node], "g", inputs, [output])
    imports = [helper.make_opsetid("", 16)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


@pytest.mark.parametrize("ratio", [0, 1, 2, 3])
@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("how", ["half_pixel", "output_half_pixel"])
def test_regions(how: str, mode: str, ratio: int) -> None:
    """Regions inside, outside, less than a pixel large, inside out, and none at all.

    Weights are products of differences of places up to 10, so they are off by 10 ULP of 1 or less.
    """
    rng = np.random.default_rng(ratio)
    for shape, count, to in (((2, 3, 6, 7), 6, 15), ((1, 1, 1, 4), 1, 9), ((1, 1, 4, 4), 0, 9)):
        first = rng.uniform(-6, 20, (count, 2))
        rois = np.concatenate([first, first + rng.uniform(-1, 16, (count, 2))], axis=1)
        feeds = {
            "x": rng.uniform(-1, 2, shape).astype(np.float32),
            "rois": rois.astype(np.float32),
            "images": rng.integers(0, shape[0], count),
        }
        sizes = shape if count else ("n", "c", "h", "w")
        check(roi_align(sizes, how, mode, ratio), to, feeds, ulp=32, of="largest")
