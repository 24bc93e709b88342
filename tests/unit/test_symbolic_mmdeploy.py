"""Operators that mmcv and mmdeploy write into detectors, beside numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyonnxtool as pot
from pyonnxtool.references import Array
from support.lowered_op import NEWEST, check, model_of, refusal

FLOAT, INT64 = 1, 7
OPSETS = (11, 17, NEWEST)
OPEN = pytest.mark.parametrize("open_sizes", [False, True])


def image(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@OPEN
@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_corner_pool(mode: int, open_sizes: bool) -> None:
    x, axis = image(2, 3, 5, 7), 2 + mode // 2
    x[0, 0, 2, 3] = np.inf
    turned = np.flip(x, axis) if mode % 2 == 0 else x
    made = np.maximum.accumulate(turned, axis)
    made = np.flip(made, axis) if mode % 2 == 0 else made
    options: dict[str, Any] = {"opsets": OPSETS, "open_sizes": open_sizes, "mode": mode}
    check("mmcv::MMCVCornerPool", [x], expected=[made], **options)


@OPEN
@pytest.mark.parametrize("name", ["mmcv::cummax", "mmdeploy::cummin", "mmcv::MMCVCumMax"])
def test_running(name: str, open_sizes: bool) -> None:
    x = np.random.default_rng(0).integers(0, 4, (2, 9)).astype(np.float32)
    better = np.less_equal if "min" in name else np.greater_equal
    places = np.zeros(x.shape, np.int64)
    for row, column in np.ndindex(2, 8):
        newer = better(x[row, column + 1], x[row, places[row, column]])
        places[row, column + 1] = column + 1 if newer else places[row, column]
    expected = [np.take_along_axis(x, places, 1), places]
    options: dict[str, Any] = {"types": [FLOAT, INT64], "open_sizes": open_sizes, "dim": -1}
    check(name, [x], 2, expected=expected, opsets=OPSETS, **options)
    if name == "mmcv::cummax":
        check(name, [x], [False, True], expected=expected[1:], opsets=(17,), **options)


def test_grid_sampler() -> None:
    x, grid = image(1, 2, 4, 5), np.zeros((1, 2, 2, 2), np.float32)
    grid[0, :, :, 0], grid[0, :, :, 1] = [[-1, 1], [-1, 1]], [[-1, -1], [1, 1]]
    expected = x[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].reshape(1, 2, 2, 2)
    options: dict[str, Any] = {"interpolation_mode": 0, "padding_mode": 1, "align_corners": 1}
    for name in ("mmcv::grid_sampler", "mmdeploy::grid_sampler", "ai.onnx::grid_sampler"):
        check(name, [x, grid], expected=[expected], opsets=(11, 17), **options)
    model = model_of("mmcv::grid_sampler", [x, grid], interpolation_mode=3)
    assert "mode 3 and padding 0 are none that torch has" in refusal(model)


@OPEN
def test_what_is_a_standard_operator(open_sizes: bool) -> None:
    x = image(2, 3, 4)
    options: dict[str, Any] = {"opsets": OPSETS, "open_sizes": open_sizes}
    check("mmdeploy::Mark", [x], expected=[x], type="input", id=0, **options)
    places = np.array([[0, 2], [1, 1]], np.int32)
    changed = x.copy()
    changed[0, 2], changed[1, 1] = 1, 2
    updates = np.array([[1] * 4, [2] * 4], np.float32)
    check("mmdeploy::ScatterND", [x, places, updates], expected=[changed], **options)
    inds = np.array([[2, 0], [1, 1]], np.int32)
    gathered = np.stack([x[0, [2, 0]], x[1, [1, 1]]])
    check("mmdeploy::GatherTopk", [x, inds], expected=[gathered], **options)
    scale, bias = image(3), image(3)[::-1].copy()
    centred = (x - x.mean(2, keepdims=True)) / np.sqrt(x.var(2, keepdims=True) + 0.1)
    made = centred * scale[:, None] + bias[:, None]
    name = "mmdeploy::MMCVInstanceNormalization"
    check(name, [x, scale, bias], expected=[made], epsilon=0.1, **options)


@OPEN
def test_anchors_of_a_grid(open_sizes: bool) -> None:
    base = np.array([[-4, -4, 4, 4], [-8, -4, 8, 4]], np.float32)
    rows, columns = np.zeros(3, np.float32), np.zeros(2, np.float32)
    made = [base + np.array([8 * x, 16 * y] * 2) for y, x in np.ndindex(3, 2)]
    expected = np.concatenate(made).astype(np.float32)
    options: dict[str, Any] = {"stride_h": 16, "stride_w": 8, "open_sizes": open_sizes}
    given = [base, rows, columns]
    check("mmdeploy::GridPriorsTRT", given, expected=[expected], opsets=OPSETS, **options)


@pytest.mark.parametrize("masked", [False, True])
def test_attention(masked: bool) -> None:
    q, k, v = image(2, 4, 8), image(2, 5, 8), image(2, 5, 8)
    mask = image(4, 5)
    scores = q @ k.transpose(0, 2, 1) + (mask if masked else 0)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    given = [q, k, v, *([mask] if masked else [])]
    expected = [weights @ v, weights]
    name = "mmdeploy::ScaledDotProductAttentionTRT"
    check(name, given, 2, expected=expected, opsets=OPSETS)


@pytest.mark.parametrize("name", ["NMSRotated", "RoIAlignRotated", "SoftNonMaxSuppression"])
def test_what_is_refused(name: str) -> None:
    found = refusal(model_of(f"mmdeploy::{name}", [image(4, 5), image(4)]))
    assert f"for which ONNX has no operator; keep it: --keep mmdeploy::{name}" in found


def test_malformed_nodes() -> None:
    assert "it has no input" in refusal(model_of("mmcv::Mark", [None]))
    two = model_of("mmdeploy::Mark", [image(2)], 2)
    assert "it has 2 outputs, its operator 1" in refusal(two)
    mode = model_of("mmcv::MMCVCornerPool", [image(1, 1, 2, 2)], mode=4)
    assert "its mode 4 is none of the four sides" in refusal(mode)
    rank = model_of("mmcv::MMCVCornerPool", [image(2, 2)], mode=0)
    assert "its rank 2 is not that of a batch of images" in refusal(rank)
    axis = model_of("mmcv::cummax", [image(2, 2)], 2, dim=5, types=[FLOAT, INT64])
    assert "dim 5 is none of a tensor of rank 2" in refusal(axis)


def test_checks_compare_with_references() -> None:
    x = image(2, 3, 4, 5)
    for name, given, made, options in (
        ("mmcv::MMCVCornerPool", [x], [FLOAT], {"mode": 2}),
        ("mmcv::cummax", [x], [FLOAT, INT64], {"dim": 1}),
        ("mmdeploy::cummin", [x], [FLOAT, INT64], {"dim": -1}),
        ("mmdeploy::Mark", [x], [FLOAT], {"id": 1}),
        ("mmdeploy::MMCVInstanceNormalization", [x, image(3), image(3)], [FLOAT], {}),
        ("mmdeploy::GatherTopk", [x, np.zeros((2, 2), np.int32)], [FLOAT], {}),
        ("mmdeploy::GridPriorsTRT", [image(3, 4), image(2), image(5)], [FLOAT], {"stride_h": 8}),
        ("mmdeploy::ScaledDotProductAttentionTRT", [x[0], x[0], x[0]], [FLOAT, FLOAT], {}),
    ):
        extra = {"stride_w": 4} if "stride_h" in options else {}
        model = model_of(name, given, len(made), types=made, **options, **extra)
        found = pot.lower(model, verify=2).report.verification
        assert found is not None and found.backends[0] == "references"


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_a_check_of_grids(mode: int, padding: int) -> None:
    x, grid = image(1, 2, 4, 5), image(1, 3, 2, 2)
    options = {"interpolation_mode": mode, "padding_mode": padding, "align_corners": padding % 2}
    model = model_of("mmdeploy::grid_sampler", [x, grid], **options)
    assert pot.lower(model, verify=2).report.verification is not None
