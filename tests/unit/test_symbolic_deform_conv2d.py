"""Deformable convolutions of torchvision, mmcv and mmdeploy, beside loops over the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyonnxtool.references import Array
from pyonnxtool.references.deform_conv2d import deform_conv2d
from support.lowered_op import NEWEST, OPSETS, check, model_of, refusal

FORMS: list[dict[str, Any]] = [
    {},
    {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)},
    {"groups": 2},
    {"offset_groups": 2},
    {"stride": (1, 2), "padding": (2, 0), "groups": 2, "offset_groups": 4},
]


def operands(form: dict[str, Any], dtype: Any = np.float32) -> list[Array]:
    """Image, weights, offset, mask and bias that fit each other."""
    rng = np.random.default_rng(0)
    size, kernel, axes = (6, 7), (3, 2), (0, 1)
    stride, padding, dilation = (
        form.get(name, (one, one)) for name, one in (("stride", 1), ("padding", 0), ("dilation", 1))
    )
    out = [
        (size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
        for i in axes
    ]
    places = form.get("offset_groups", 1) * 6
    shapes = ((2, 4, *size), (6, 4 // form.get("groups", 1), *kernel), (2, 2 * places, *out))
    made = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    return [
        *made,
        rng.random((2, places, *out)).astype(dtype),
        rng.standard_normal(6).astype(dtype),
    ]


def written(form: dict[str, Any], masked: bool) -> list[Array]:
    """Arguments behind the tensors, as TorchScript writes them."""
    pairs = [form.get("stride", (1, 1)), form.get("padding", (0, 0)), form.get("dilation", (1, 1))]
    counts = [form.get("groups", 1), form.get("offset_groups", 1)]
    ints = [np.array(one, np.int64) for one in (*(i for pair in pairs for i in pair), *counts)]
    return [*ints, np.array(masked)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("masked", [False, True])
def test_torchvision_with_constant_inputs(form: dict[str, Any], masked: bool) -> None:
    x, weight, offset, mask, bias = operands(form)
    expected = deform_conv2d(x, weight, offset, mask if masked else None, bias, **form)
    dummy = mask if masked else np.zeros((2, 1), np.float32)
    inputs = [x, weight, offset, dummy, bias, *written(form, masked)]
    constant = range(4, len(inputs))
    check("torchvision::deform_conv2d", inputs, expected=[expected], constant=constant)
    everything = (1, *constant)
    check(
        "torchvision::deform_conv2d",
        inputs,
        expected=[expected],
        constant=everything,
        open_sizes=True,
        opsets=(11, 18, 19, NEWEST),
    )


@pytest.mark.parametrize("suffix", ["", "_i"])
def test_torchvision_with_attributes(suffix: str) -> None:
    form = FORMS[-1]
    x, weight, offset, _, bias = operands(form)
    names = ["stride_h", "stride_w", "pad_h", "pad_w", "dilation_h", "dilation_w"]
    names += ["groups", "offset_groups"]
    values = [one.item() for one in written(form, True)[:-1]]
    given = {name + suffix: value for name, value in zip(names, values, strict=True)}
    expected = deform_conv2d(x, weight, offset, None, bias, **form)
    inputs = [x, weight, offset, None, bias]
    check("torchvision::deform_conv2d", inputs, expected=[expected], opsets=(17, 20), **given)


@pytest.mark.parametrize("domain", ["mmcv", "mmdeploy"])
@pytest.mark.parametrize("form", FORMS)
def test_mmcv(domain: str, form: dict[str, Any]) -> None:
    x, weight, offset, mask, bias = operands(form)
    pairs = {name: form.get(name, default) for name, default in (("stride", (1, 1)),)}
    pairs |= {"padding": form.get("padding", (0, 0)), "dilation": form.get("dilation", (1, 1))}
    given = {
        **pairs,
        "groups": form.get("groups", 1),
        "deform_groups": form.get("offset_groups", 1),
    }
    modulated = deform_conv2d(x, weight, offset, mask, bias, **form)
    operator = f"{domain}::MMCVModulatedDeformConv2d"
    inputs = [x, offset, mask, weight, bias]
    check(operator, inputs, expected=[modulated], constant=[3, 4], opsets=(11, 19), **given)
    plain = deform_conv2d(x, weight, offset, **form)
    operator, inputs = f"{domain}::MMCVDeformConv2d", [x, offset, weight]
    check(operator, inputs, expected=[plain], opsets=(11, 19), im2col_step=32, bias=0, **given)


def test_as_centernet_names_it() -> None:
    form = {"padding": (1, 1)}
    x, weight, offset, mask, bias = operands(form)
    expected = deform_conv2d(x, weight, offset, mask, bias, **form)
    given = {"stride": 1, "padding": 1, "dilation": 1, "groups": 1, "deformable_group": 1}
    inputs = [x, offset, mask, weight, bias]
    check("ai.onnx::DCNv2", inputs, expected=[expected], opsets=(11, 19), **given)


def test_one_padding_for_all_sides() -> None:
    form = {"padding": (1, 1)}
    x, weight, offset, _, _ = operands(form)
    expected = deform_conv2d(x, weight, offset, **form)
    inputs = [x, offset, weight]
    check("mmdeploy::MMCVDeformConv2d", inputs, expected=[expected], padding=[1, 1, 1, 1])
    check("mmdeploy::MMCVDeformConv2d", inputs, expected=[expected], padding=[1])
    model = model_of("mmdeploy::MMCVDeformConv2d", inputs, padding=[1, 1, 0, 0])
    told = "node 'op' (mmdeploy::MMCVDeformConv2d): `padding` [1, 1, 0, 0] is not that of height"
    assert told in refusal(model)


@pytest.mark.parametrize("opset", [OPSETS[0], 19])
def test_double(opset: int) -> None:
    x, weight, offset, mask, bias = operands({}, np.float64)
    expected = deform_conv2d(x, weight, offset, mask, bias)
    inputs = [x, weight, offset, mask, bias]
    options = {"expected": [expected], "types": [11], "opsets": [opset]}
    check("torchvision::deform_conv2d", inputs, constant=[1], **options)


def test_what_is_refused() -> None:
    x, weight, offset, mask, bias = operands({})
    named = {f"x{i}": one for i, one in enumerate(written({}, True), 5)}
    inputs = [x, weight, offset, mask, bias, *named.values()]
    model = model_of("torchvision::deform_conv2d", inputs)
    assert "`stride_h` is only known when the model runs" in refusal(model)
    model = model_of("torchvision::deform_conv2d", [x, weight])
    assert "it has no `offset`" in refusal(model)
    model = model_of("torchvision::deform_conv2d", [x, weight, offset], stride_h="two")
    assert "its attribute `stride_h` is no int" in refusal(model)
    model = model_of("torchvision::deform_conv2d", [x, weight, offset], strides=[1, 1])
    assert "its attribute `strides` is none that its operator has" in refusal(model)
    model = model_of("torchvision::deform_conv2d", [*inputs, mask], constant=range(4, 15))
    assert "it has more inputs than its operator takes: input, weight, offset" in refusal(model)
    model = model_of("mmcv::MMCVDeformConv2d", [x, offset, weight], bias=1)
    assert "it is to add a bias, and has no input for one" in refusal(model)
    model = model_of("torchvision::deform_conv2d", [x, weight, offset], open_sizes=True, opset=17)
    assert "its rank, or what size `W` has, is only known when the model runs" in refusal(model)
