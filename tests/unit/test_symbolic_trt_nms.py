"""Non-maximum suppression of TensorRT's plugins, beside loops over what their kernels do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyonnxtool as pot
from pyonnxtool.references import Array
from pyonnxtool.references.trt_nms import Found, best, told
from support.lowered_op import NEWEST, check, model_of, refusal

FLOAT, INT32 = 1, 6
OPSETS = (11, 13, 17, NEWEST)


def operands(classes: int = 3, own: bool = False, scale: float = 1.0) -> tuple[Array, Array]:
    """[2, 30, classes or 1, 4] boxes and [2, 30, classes] scores."""
    rng = np.random.default_rng(0)
    corner, size = rng.random((2, 2, 30, classes if own else 1, 2)).astype(np.float32)
    boxes = np.concatenate([corner, corner + size * 0.6 + 0.05], axis=-1) * np.float32(scale)
    scores = rng.permutation(60 * classes).reshape(2, 30, classes).astype(np.float32)
    return boxes, scores / (60 * classes)


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize(
    ("own", "agnostic", "background", "limit"),
    [(False, False, -1, 7), (False, True, -1, 12), (True, False, 1, 100), (False, False, 0, 5)],
)
def test_efficient_nms(
    own: bool, agnostic: bool, background: int, limit: int, open_sizes: bool
) -> None:
    boxes, scores = operands(own=own)
    valid = np.where(scores >= 0.3, scores, np.nan)
    if background >= 0:
        valid[..., background] = np.nan
    found = [
        best(b, s, limit, lambda one: one >= np.float32(0.4), agnostic=agnostic)
        for b, s in zip(boxes, valid, strict=True)
    ]
    *expected, classes = told(found, boxes, limit, 0)
    check(
        "TRT::EfficientNMS_TRT",
        [boxes if own else boxes[:, :, 0], scores],
        4,
        expected=[*expected, classes.astype(np.int32)],
        types=[INT32, FLOAT, FLOAT, INT32],
        opsets=OPSETS if not own else (17,),
        open_sizes=open_sizes,
        score_threshold=0.3,
        iou_threshold=0.4,
        max_output_boxes=limit,
        background_class=background,
        class_agnostic=int(agnostic),
        score_activation=0,
        box_coding=0,
        plugin_version="1",
    )


def test_scores_are_activated_and_boxes_have_centres() -> None:
    boxes, scores = operands()
    valid = np.where(scores >= 0.3, scores, np.nan)
    found = [
        best(b, s, 20, lambda one: one >= np.float32(0.4))
        for b, s in zip(boxes, valid, strict=True)
    ]
    *expected, classes = told(found, boxes, 20, 0)
    size = boxes[:, :, 0, 2:] - boxes[:, :, 0, :2]
    centred = np.concatenate([boxes[:, :, 0, :2] + size / 2, size], axis=-1)
    check(
        "ai.onnx::EfficientNMS_TRT",
        [centred, np.log(scores.clip(1e-6) / (1 - scores.clip(1e-6)))],
        4,
        expected=[*expected, classes.astype(np.int32)],
        types=[INT32, FLOAT, FLOAT, INT32],
        opsets=(13,),
        score_threshold=0.3,
        iou_threshold=0.4,
        max_output_boxes=20,
        score_activation=1,
        box_coding=1,
    )


def test_only_the_best_4096_are_compared() -> None:
    rng = np.random.default_rng(0)
    corner = rng.random((1, 2500, 2)).astype(np.float32) * 100
    boxes = np.concatenate([corner, corner + 0.01], axis=-1)
    scores = (rng.permutation(5000).reshape(1, 2500, 2).astype(np.float32) + 1) / 5001
    model = {"score_threshold": 0.0, "iou_threshold": 0.5, "max_output_boxes": 5000}
    order = np.argsort(-scores.ravel(), kind="stable")[:4096]
    found: list[Found] = [[(float(scores.ravel()[i]), int(i % 2), int(i // 2)) for i in order]]
    *expected, classes = told(found, boxes[:, :, None], 5000, 0)
    check(
        "TRT::EfficientNMS_TRT",
        [boxes, scores],
        4,
        expected=[*expected, classes.astype(np.int32)],
        types=[INT32, FLOAT, FLOAT, INT32],
        opsets=(17,),
        **model,
    )


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize(("own", "topk"), [(False, -1), (False, 6), (True, 200)])
@pytest.mark.parametrize("normal", [True, False])
def test_batched_nms(normal: bool, own: bool, topk: int, open_sizes: bool) -> None:
    boxes, scores = operands(own=own, scale=1.0 if normal else 100.0)
    valid = np.where(scores > 0.1, scores, np.nan)
    valid[..., 2] = np.nan
    if 0 < topk < 30:
        last = -np.sort(-np.nan_to_num(valid), axis=1)[:, topk - 1 : topk]
        valid = np.where(valid >= last, valid, np.nan)
    found = [
        best(b, s, 9, lambda one: one > np.float32(0.4), more=0 if normal else 1)
        for b, s in zip(boxes, valid, strict=True)
    ]
    count, corners, rating, classes = told(found, boxes, 9, -1)
    common = {"opsets": (11, 17) if topk > 0 else OPSETS, "open_sizes": open_sizes}
    check(
        "TRT::BatchedNMSDynamic_TRT",
        [boxes, scores],
        4,
        expected=[count, corners.clip(0, 1), rating, classes.astype(np.float32)],
        types=[INT32, FLOAT, FLOAT, FLOAT],
        shareLocation=int(not own),
        backgroundLabelId=2,
        numClasses=3,
        topK=topk,
        keepTopK=9,
        scoreThreshold=0.1,
        iouThreshold=0.4,
        isNormalized=int(normal),
        clipBoxes=1,
        **common,
    )
    given = {
        "background_label_id": 2,
        "num_classes": 3,
        "topk": topk,
        "keep_topk": 9,
        "score_threshold": 0.1,
        "iou_threshold": 0.4,
        "is_normalized": int(normal),
        "clip_boxes": 0,
    }
    name, types = "mmdeploy::TRTBatchedNMS", [FLOAT, INT32]
    if open_sizes:
        model = model_of(name, [boxes, scores], 2, types=types, open_sizes=True, **given)
        assert "whether each class has its own boxes is only known" in refusal(model)
        return
    dets = np.concatenate([corners, rating[..., None]], axis=-1)
    expected = [dets, classes.astype(np.int32)]
    check(name, [boxes, scores], 2, expected=expected, types=types, **given, **common)


def test_what_is_refused() -> None:
    boxes, scores = operands()
    given: dict[str, Any] = {"score_threshold": 0.1, "iou_threshold": 0.5, "max_output_boxes": 5}
    name, types = "TRT::EfficientNMS_TRT", [INT32, FLOAT, FLOAT, INT32]
    plain = [boxes[:, :, 0], scores]
    anchored = model_of(name, [*plain, boxes[:, :, 0]], 4, types=types, **given)
    assert "it decodes boxes by anchors; decode them before it" in refusal(anchored)
    none = model_of(name, plain, 4, types=types, **{**given, "iou_threshold": 0.0})
    assert "an overlap of 0.0 is not above 0 and up to 1" in refusal(none)
    ranks = model_of(name, [plain[0][0], scores], 4, types=types, **given)
    assert "its boxes have rank 2" in refusal(ranks)
    own = model_of(name, [boxes, scores], 4, types=types, class_agnostic=1, **given)
    assert "it compares the boxes that each class has with those of others" in refusal(own)
    mixed = {"keepTopK": 5, "scoreThreshold": 0.1, "iouThreshold": 0.5, "isNormalized": 0}
    wide = model_of("TRT::BatchedNMS_TRT", [boxes, scores], 4, caffeSemantics=0, **mixed)
    assert "its boxes have a pixel more than what they share" in refusal(wide)


def test_a_check_compares_with_the_reference() -> None:
    boxes, scores = operands()
    given: dict[str, Any] = {"score_threshold": 0.1, "iou_threshold": 0.5, "max_output_boxes": 5}
    plain = [boxes[:, :, 0], scores]
    model = model_of("TRT::EfficientNMS_TRT", plain, 4, types=[INT32, FLOAT, FLOAT, INT32], **given)
    found = pot.lower(model, verify=3).report.verification
    assert found is not None and found.samples == 3
    given = {"keepTopK": 5, "scoreThreshold": 0.1, "iouThreshold": 0.5, "isNormalized": 0}
    model = model_of("TRT::BatchedNMS_TRT", [boxes, scores], 4, **given)
    del model.graph.output[0]  # it is of another type
    model.graph.node[0].output[0] = ""
    assert pot.lower(model, verify=3).report.verification is not None
