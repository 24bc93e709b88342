"""Regions of interest of torchvision and mmcv, beside loops over the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyonnxtool as pot
from pyonnxtool.references import Array
from pyonnxtool.references.roi_align import roi_align
from pyonnxtool.references.roi_pool import ps_roi_pool, roi_pool
from support.lowered_op import NEWEST, check, model_of, refusal

RUN = (11, 13, 16, 19, 21)
"""onnxruntime 1.31 has neither RoiAlign nor MaxRoiPool of opset 22."""
BOTH = pytest.mark.parametrize("open_sizes", [False, True])


def operands(channels: int = 3, dtype: Any = np.float32) -> tuple[Array, Array]:
    """Two images, and regions in, on the edge of, and outside of them."""
    rng = np.random.default_rng(0)
    rois = [[0, 1, 2, 11, 9], [1, 0, 0, 13, 15], [1, -3, -5, 4.5, 6.5], [0, 9, 9, 30, 31]]
    rois += [[1, 3.3, 4.1, 3.6, 4.2], [0, 40, 41, 60, 60], [0, 6.5, 2.5, 9.5, 3.5]]
    return rng.standard_normal((2, channels, 8, 7)).astype(dtype), np.array(rois, dtype)


def scalars(*values: Any) -> list[Array]:
    """As TorchScript writes them: floats are doubles."""
    return [np.array(one) for one in values]


@BOTH
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("ratio", [-1, 2])
def test_roi_align(aligned: bool, ratio: int, open_sizes: bool) -> None:
    x, rois = operands()
    given = (0.5, 2, 3, ratio, aligned)
    options = {"expected": [roi_align(x, rois, *given)], "open_sizes": open_sizes}
    inputs = [x, rois, *scalars(*given)]
    check("torchvision::roi_align", inputs, constant=range(2, 7), opsets=RUN, **options)
    bare = {"expand": ["RoiAlign"], "opsets": (11, 17, NEWEST), **options}
    check("torchvision::roi_align", inputs, constant=range(2, 7), **bare)


@pytest.mark.parametrize("suffixes", [False, True])
def test_roi_align_by_attributes(suffixes: bool) -> None:
    x, rois = operands()
    i, f = ("_i", "_f") if suffixes else ("", "")
    given: dict[str, Any] = {f"spatial_scale{f}": 0.5, f"pooled_height{i}": 2}
    given |= {f"pooled_width{i}": 3, f"sampling_ratio{i}": 2, f"aligned{i}": 1}
    expected = roi_align(x, rois, 0.5, 2, 3, 2, True)
    check("torchvision::roi_align", [x, rois], expected=[expected], opsets=[17], **given)


def test_roi_align_of_doubles() -> None:
    x, rois = operands(dtype=np.float64)
    given = (0.3, 2, 3, 2, True)
    x1, y1 = x.astype(np.float32), rois.astype(np.float32)
    expected = roi_align(x1, y1, *given).astype(np.float64)
    model = model_of("torchvision::roi_align", [x, rois, *scalars(*given)], types=[11])
    assert "`spatial_scale` is only known when the model runs" in refusal(model)
    options = {"types": [11], "ulp": 2.0**31, "opsets": RUN, "constant": range(2, 7)}
    check("torchvision::roi_align", [x, rois, *scalars(*given)], expected=[expected], **options)


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("name", ["mmcv::MMCVRoiAlign", "mmdeploy::MMCVRoIAlign"])
def test_mmcv(name: str, mode: str) -> None:
    x, rois = operands()
    given = {"output_height": 2, "output_width": 3, "spatial_scale": 0.5, "sampling_ratio": 2}
    for aligned in (False, True):
        expected = roi_align(x, rois, 0.5, 2, 3, 2, aligned, largest=mode == "max")
        options = {"aligned": int(aligned), "mode": mode, "opsets": RUN, **given}
        check(name, [x, rois], expected=[expected], **options)


@BOTH
@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_multi_level(factor: float, open_sizes: bool) -> None:
    rng = np.random.default_rng(0)
    strides = [4.0, 8.0, 16.0]
    maps = [rng.standard_normal((2, 3, 128 // int(s), 96 // int(s))) for s in strides]
    feats = [one.astype(np.float32) for one in maps]
    corner = rng.random((12, 2)) * 20
    rois = np.concatenate(
        [rng.integers(0, 2, (12, 1)), corner, corner + rng.random((12, 2)) * 120], 1
    )
    rois[-1] = rois[-2] * [1, 1, 1, 0, 0] + [0, 0, 0, 8, 8]
    rois = rois.astype(np.float32)
    expected = []
    for one in rois:
        size = np.sqrt((one[3] - one[1]) * (one[4] - one[2]))
        level = int(np.clip(np.floor(np.log2(size / 28 + 1e-6)), 0, 2))
        centre, side = (one[1:3] + one[3:]) / 2, (one[3:] - one[1:3] + 1) * factor - 1
        grown = np.concatenate([[0], centre - side / 2, centre + side / 2]).astype(np.float32)[None]
        image = feats[level][int(one[0])][None]
        expected.append(roi_align(image, grown, 1 / strides[level], 2, 2, 2, True)[0])
    given = {"output_height": 2, "output_width": 2, "pool_mode": 1, "sampling_ratio": 2}
    given |= {"featmap_strides": strides, "finest_scale": 28, "aligned": 1}
    check(
        "mmdeploy::MMCVMultiLevelRoiAlign",
        [rois, *feats],
        expected=[np.stack(expected)],
        roi_scale_factor=factor,
        open_sizes=open_sizes,
        opsets=RUN,
        ulp=64,
        **given,
    )
    model = model_of("mmdeploy::MultiLevelRoiAlign", [rois, *feats], **given)
    assert pot.lower(model, inputs={"x0": rois, **by_name(feats)}, verify=1).report.verification


def by_name(feats: list[Array]) -> dict[str, Array]:
    """Feature maps by the inputs that they are."""
    return {f"x{place}": one for place, one in enumerate(feats, 1)}


@BOTH
def test_roi_pool(open_sizes: bool) -> None:
    x, rois = operands()
    expected = roi_pool(x, rois, 0.5, 2, 3)
    options = {"expected": [expected], "open_sizes": open_sizes, "constant": [2, 3, 4]}
    inputs = [x, rois, *scalars(0.5, 2, 3)]
    check("torchvision::roi_pool", inputs, [True, False], opsets=RUN, ulp=0, **options)


@BOTH
@pytest.mark.parametrize("ratio", [-1, 2])
def test_ps_roi_align(ratio: int, open_sizes: bool) -> None:
    x, rois = operands(12)
    rois[-1, 3] = rois[-1, 1]  # no sample at all
    expected = roi_align(x, rois, 0.5, 2, 3, ratio, True, by_place=True)
    mapping = np.broadcast_to(np.arange(12, dtype=np.int32).reshape(1, 2, 2, 3), expected.shape)
    options = {"open_sizes": open_sizes, "opsets": RUN, "types": [1, 6]}
    inputs = [x, rois, *scalars(0.5, 2, 3, ratio)]
    outputs = [expected, mapping]
    check("torchvision::ps_roi_align", inputs, 2, expected=outputs, constant=range(2, 6), **options)


@BOTH
def test_ps_roi_pool(open_sizes: bool) -> None:
    x, rois = operands(12)
    expected = ps_roi_pool(x, rois, 0.5, 2, 3)
    mapping = np.broadcast_to(np.arange(12, dtype=np.int32).reshape(1, 2, 2, 3), expected.shape)
    options = {"open_sizes": open_sizes, "opsets": (*RUN, NEWEST), "types": [1, 6]}
    inputs = [x, rois, *scalars(0.5, 2, 3)]
    outputs = [expected, mapping]
    check("torchvision::ps_roi_pool", inputs, 2, expected=outputs, constant=range(2, 5), **options)


def test_what_is_refused() -> None:
    x, rois = operands()
    align = {"spatial_scale": 0.5, "pooled_height": 2, "pooled_width": 3}
    for inputs, told in (
        ([x[0], rois], "its image has rank 3, not 4"),
        ([x, rois[:, 1:]], "its rois are 4 numbers each, not an image and two corners"),
        ([x, rois.astype(np.float64)], "its image is of float32, and its rois of float64"),
    ):
        assert told in refusal(model_of("torchvision::roi_align", inputs, **align))
        assert told in refusal(model_of("torchvision::roi_pool", inputs, **align))
    none = {**align, "pooled_width": 0}
    assert "it makes 2 by 0 bins" in refusal(model_of("torchvision::roi_align", [x, rois], **none))
    two = model_of("torchvision::roi_pool", [x, rois], 2, types=[1, 6], **align)
    assert "its second output, where the largest are, is for training" in refusal(two)
    odd = model_of("torchvision::ps_roi_pool", [x, rois], **align)
    assert "3 channels are none for each of 2 by 3" in refusal(odd)
    sizes = {"output_height": 2, "output_width": 2}
    adaptive = model_of("mmcv::MMCVRoiAlign", [x, rois], mode="max", sampling_ratio=0, **sizes)
    assert "it takes the largest of as many samples as each region is large" in refusal(adaptive)
    median = model_of("mmcv::MMCVRoiAlign", [x, rois], mode="median", **sizes)
    assert "its mode 'median' is neither avg nor max" in refusal(median)
    several = model_of(
        "mmdeploy::MMCVMultiLevelRoiAlign", [rois, x], featmap_strides=[4.0, 8.0], **sizes
    )
    assert "it has 1 feature maps and 2 strides" in refusal(several)
