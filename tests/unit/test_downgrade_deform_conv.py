"""DeformConv as Gathers and a product gives the numbers that onnxruntime gave."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.support.downgraded import check


def deform_conv(
    rng: np.random.Generator,
    *,
    group: int = 1,
    offset_group: int = 1,
    kernel: tuple[int, int] = (3, 2),
    stride: int = 1,
    dilation: int = 1,
    mask: bool = True,
    constant: bool = True,
) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A model of one DeformConv of 8 channels, 7 by 9, and an input for it."""
    pads = [1, 0, 2, 1]
    reach = [dilation * (size - 1) + 1 for size in kernel]
    out = [
        (size + pads[at] + pads[at + 2] - reach[at]) // stride + 1 for at, size in enumerate((7, 9))
    ]
    taps = offset_group * kernel[0] * kernel[1]
    values = {
        "x": rng.uniform(1, 2, (2, 8, 7, 9)),
        "w": rng.uniform(1, 2, (4, 8 // group, *kernel)),
        "offset": rng.uniform(-3, 3, (2, 2 * taps, *out)),
        "b": rng.uniform(1, 2, 4),
        "mask": rng.uniform(0, 1, (2, taps, *out)),
    }
    feeds = {name: value.astype(np.float32) for name, value in values.items()}
    weights = [numpy_helper.from_array(feeds.pop("w"), "w")] if constant else []
    if not mask:
        del feeds["b"], feeds["mask"]
    node = helper.make_node(
        "DeformConv",
        ["x", "w", "offset", *(["b", "mask"] if mask else [])],
        ["y"],
        group=group,
        offset_group=offset_group,
        strides=[stride] * 2,
        dilations=[dilation] * 2,
        pads=pads,
    )
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape)
        for name, value in feeds.items()
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4, *out])
    graph = helper.make_graph([node], "g", inputs, [output], weights)
    imports = [helper.make_opsetid("", 19)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9), feeds


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize(("group", "offset_group"), [(1, 1), (2, 1), (1, 4), (4, 2)])
def test_groups_and_steps(
    group: int, offset_group: int, dilation: int, stride: int, mask: bool
) -> None:
    """Sums of up to 48 products, of which none is below zero: 32 ULP of the largest."""
    rng = np.random.default_rng(group + offset_group)
    model, feeds = deform_conv(
        rng,
        group=group,
        offset_group=offset_group,
        dilation=dilation,
        stride=stride,
        mask=mask,
        constant=not mask,
    )
    for to in (18, 9):
        check(model, to, feeds, ulp=32, of="largest")


@pytest.mark.parametrize("offset_group", [1, 2])
def test_sizes_that_only_the_run_tells(offset_group: int) -> None:
    """Only channels, weights and the kernel are known."""
    model, feeds = deform_conv(np.random.default_rng(0), offset_group=offset_group, stride=2)
    for value in [*model.graph.input, *model.graph.output]:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if axis != 1 and value.name != "b":
                dim.dim_param = f"{value.name}{axis}"
    for to in (18, 9):
        check(model, to, feeds, ulp=32, of="largest")
