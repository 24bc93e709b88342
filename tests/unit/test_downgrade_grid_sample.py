"""GridSample as Gathers and weights gives the numbers that onnxruntime gave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.support.downgraded import check

TOLERANCE = {"nearest": 0, "linear": 8, "cubic": 64}
"""ULP of the largest element: sums of 4 or 8 products in another order; of cubics of 16, with
weights that are polynomials in float32."""


def grid_sample(
    shape: Sequence[int | str], out: Sequence[int | str], mode: str, padding: str, align: int
) -> onnx.ModelProto:
    """A model of one GridSample, which has the old names of modes where those are to be had."""
    opset = 16 if len(shape) == 4 else 20
    names = {"linear": "bilinear", "cubic": "bicubic"} if opset == 16 else {}
    node = helper.make_node(
        "GridSample",
        ["x", "grid"],
        ["y"],
        mode=names.get(mode, mode),
        padding_mode=padding,
        align_corners=align,
    )
    graph = helper.make_graph(
        [node],
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("grid", TensorProto.FLOAT, [shape[0], *out, len(out)]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * len(shape))],
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def feeds(
    shape: Sequence[int], out: Sequence[int], reach: float, seed: int
) -> dict[str, np.ndarray]:
    """An image of elements above zero, and places up to `reach` times as far out as its border."""
    rng = np.random.default_rng(seed)
    grid = rng.uniform(-reach, reach, (shape[0], *out, len(out)))
    grid[0] = np.round(grid[0] * 4) / 4  # ties, and places right on the border
    image = rng.uniform(1, 2, shape)
    return {"x": image.astype(np.float32), "grid": grid.astype(np.float32)}


@pytest.mark.parametrize("align", [0, 1])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_images(mode: str, padding: str, align: int) -> None:
    """Every mode, close to the image and far out, sizes known and not."""
    for seed, shape in enumerate(((2, 3, 4, 5), (1, 1, 7, 2), (3, 2, 2, 9))):
        model = grid_sample(shape, (3, 6), mode, padding, align)
        for reach in (1.2, 6.0):
            given = feeds(shape, (3, 6), reach, seed)
            for to in (15, 9):
                check(model, to, given, ulp=TOLERANCE[mode], of="largest")
    open_model = grid_sample(("n", "c", "h", "w"), ("a", "b"), mode, padding, align)
    check(open_model, 15, given, ulp=TOLERANCE[mode], of="largest")


@pytest.mark.parametrize("align", [0, 1])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_volumes(mode: str, padding: str, align: int) -> None:
    """Three axes, which GridSample has from 20 on."""
    model = grid_sample((2, 2, 3, 4, 5), (2, 3, 2), mode, padding, align)
    for reach in (1.2, 4.0):
        given = feeds((2, 2, 3, 4, 5), (2, 3, 2), reach, 0)
        check(model, 19, given, ulp=TOLERANCE[mode], of="largest")
    check(model, 11, given, ulp=TOLERANCE[mode], of="largest")
