"""Non-maximum suppression of torchvision and mmcv, beside loops over the definition."""

from __future__ import annotations

import numpy as np
import pytest

import pyonnxtool as pot
from pyonnxtool.references import Array
from pyonnxtool.references.nms import nms
from support.lowered_op import NEWEST, OPSETS, check, model_of, refusal

INT64 = [7]
EVERY_OPSET = (*OPSETS, NEWEST)


def boxes(count: int = 40) -> tuple[Array, Array, Array]:
    """Corners, scores of which some are equal, and classes with gaps between them."""
    rng = np.random.default_rng(0)
    corner, size = rng.random((2, count, 2)).astype(np.float32)
    made = np.concatenate([corner * 20, corner * 20 + size * 15 + 1], axis=1)
    return made, rng.integers(0, 12, count).astype(np.float32) / 12, rng.integers(0, 4, count) * 7


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7])
def test_torchvision_nms(threshold: float, open_sizes: bool) -> None:
    made, scores, _ = boxes()
    expected = [nms(made, scores, threshold)]
    given = [made, scores, np.array(threshold)]
    operator = "torchvision::nms"
    options = {"expected": expected, "types": INT64, "open_sizes": open_sizes}
    check(operator, given, constant=[2], opsets=EVERY_OPSET, **options)
    check(operator, given, **options)
    check(operator, given[:2], iou_threshold=threshold, opsets=[17], **options)


def test_thresholds_are_doubles() -> None:
    """Two boxes whose overlap is the float32 nearest to 0.7, which is less than 0.7."""
    made = np.array([[0, 0, 10, 1], [0, 0, 7, 1]], np.float32)
    scores = np.array([2, 1], np.float32)
    for threshold, left in ((0.7, 2), (float(np.float32(0.7)), 2), (0.6999, 1)):
        expected = nms(made, scores, threshold)
        assert len(expected) == left
        given = [made, scores, np.array(threshold)]
        check("torchvision::nms", given, expected=[expected], constant=[2], types=INT64)


@pytest.mark.parametrize("open_sizes", [False, True])
def test_batched(open_sizes: bool) -> None:
    made, scores, classes = boxes()
    moved = made + classes.astype(np.float32)[:, None] * (made.max() + np.float32(1))
    options = {"types": INT64, "open_sizes": open_sizes, "opsets": EVERY_OPSET, "constant": [3]}
    given = [made, scores, classes, np.array(0.3)]
    expected = nms(moved, scores, 0.3)
    for name in ("batched_nms", "_batched_nms_coordinate_trick"):
        check(f"torchvision::{name}", given, expected=[expected], **options)
    check("torchvision::_batched_nms_vanilla", given, expected=[expected], **options)


@pytest.mark.parametrize("name", ["nms", "batched_nms", "_batched_nms_vanilla"])
def test_no_boxes(name: str) -> None:
    made, scores, classes = (one[:0] for one in boxes())
    given = [made, scores, *([] if name == "nms" else [classes])]
    options = {"iou_threshold": 0.5, "types": INT64, "open_sizes": True}
    check(f"torchvision::{name}", given, expected=[np.zeros(0, np.int64)], **options)


@pytest.mark.parametrize("offset", [0, 1])
def test_mmcv(offset: int) -> None:
    made, scores, _ = boxes()
    made = np.floor(made)
    expected = [nms(made, scores, 0.3, offset)]
    given = {"iou_threshold": 0.3, "offset": offset, "types": INT64, "opsets": EVERY_OPSET}
    check("mmcv::NonMaxSuppression", [made, scores], expected=expected, **given)


@pytest.mark.parametrize("offset", [0, 1])
def test_corners_in_the_wrong_order(offset: int) -> None:
    """Such a box covers nothing, and nothing covers it."""
    made, scores, classes = boxes()
    made[::3, 0], made[::3, 2] = made[::3, 2].copy(), made[::3, 0].copy()
    made[::4, 1], made[::4, 3] = made[::4, 3].copy(), made[::4, 1].copy()
    expected = nms(made, scores, 0.1, offset)
    options = {"iou_threshold": 0.1, "types": INT64}
    if offset:
        given = {"offset": 1, "expected": [expected], **options}
        check("mmcv::NonMaxSuppression", [made, scores], **given)
        return
    check("torchvision::nms", [made, scores], expected=[expected], **options)
    moved = made + classes.astype(np.float32)[:, None] * (made.max() + np.float32(1))
    expected = nms(moved, scores, 0.1)
    for name in ("batched_nms", "_batched_nms_vanilla"):
        check(f"torchvision::{name}", [made, scores, classes], expected=[expected], **options)


def test_half_precision() -> None:
    made, scores, classes = boxes()
    made, scores = made.astype(np.float16), scores.astype(np.float16)
    given = [made, scores, np.array(0.3)]
    expected = nms(made.astype(np.float32), scores.astype(np.float32), 0.3)
    check("torchvision::nms", given, expected=[expected], constant=[2], types=INT64)
    moved = made + classes.astype(np.float16)[:, None] * (made.max() + np.float16(1))
    expected = nms(moved.astype(np.float32), scores.astype(np.float32), 0.3)
    given = [made, scores, classes, np.array(0.3)]
    check("torchvision::batched_nms", given, expected=[expected], constant=[3], types=INT64)


@pytest.mark.parametrize("open_sizes", [False, True])
def test_built_of_older_operators(open_sizes: bool) -> None:
    made, scores, _ = boxes()
    check(
        "torchvision::nms",
        [made, scores],
        expected=[nms(made, scores, 0.5)],
        expand=["NonMaxSuppression"],
        types=INT64,
        iou_threshold=0.5,
        open_sizes=open_sizes,
    )


def test_what_is_refused() -> None:
    made, scores, _ = boxes()
    double = model_of("torchvision::nms", [made.astype(float), scores], iou_threshold=0.5)
    assert "it compares float64, and NonMaxSuppression float32" in refusal(double)
    assert "it has no `iou_threshold`" in refusal(model_of("torchvision::nms", [made, scores]))
    ranks = model_of("torchvision::nms", [made[None], scores], iou_threshold=0.5)
    assert "its boxes have rank 3, not 2" in refusal(ranks)
    offset = model_of("mmcv::NonMaxSuppression", [made, scores], iou_threshold=0.5, offset=2)
    assert "offset=2 is neither 0 nor 1" in refusal(offset)


@pytest.mark.parametrize("name", ["nms", "batched_nms", "_batched_nms_vanilla"])
def test_a_check_compares_with_the_reference(name: str) -> None:
    made, scores, classes = boxes()
    given = [made, scores, *([] if name == "nms" else [classes])]
    model = model_of(f"torchvision::{name}", given, iou_threshold=0.3, types=INT64)
    assert pot.lower(model, verify=3).report.verification is not None
