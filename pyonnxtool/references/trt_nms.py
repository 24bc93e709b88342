"""Non-maximum suppression as TensorRT's plugins do it, one candidate after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from pyonnxtool.references import REFERENCES, Array

Found: TypeAlias = list[tuple[float, int, int]]
"""Score, class and box of each."""

_MOST_COMPARED = 4096


def overlaps(box: Array, others: Array, more: float) -> Array:
    """Shared area of the area of both; sides are `more` longer than their ends are apart."""
    first, second = np.sort(box.reshape(2, 2), axis=0), np.sort(others.reshape(-1, 2, 2), axis=1)
    extra = np.float32(more)
    sides = np.minimum(first[1], second[:, 1]) - np.maximum(first[0], second[:, 0]) + extra
    common = np.prod(np.maximum(sides, np.float32(0)), axis=1)
    own = np.prod(first[1] - first[0] + extra)
    areas = np.prod(second[:, 1] - second[:, 0] + extra, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.where(common > 0, common / (own + areas - common), np.float32(0))
    return found


def best(
    boxes: Array,
    scores: Array,
    limit: int,
    covers: Callable[[Array], Array],
    *,
    agnostic: bool = False,
    more: float = 0.0,
    by_box: bool = False,
    compared: int | None = None,
) -> Found:
    """Of [N, classes or 1, 4] boxes and [N, classes] scores, NaN where one does not count.

    Of equal scores the first counts, by class and then box, or by box.
    """
    table = scores if by_box else scores.T
    order = np.argsort(-table.ravel(), kind="stable")[: int((~np.isnan(table)).sum())][:compared]
    rows, columns = np.unravel_index(order, table.shape)
    box, kind = (rows, columns) if by_box else (columns, rows)
    corners = boxes[box, kind % boxes.shape[1]]
    left = np.ones(len(order), bool)
    kept: list[int] = []
    for place in range(len(order)):
        if left[place] and len(kept) < limit:
            kept.append(place)
            near = covers(overlaps(corners[place], corners, more))
            left &= ~(near & (agnostic | (kind == kind[place])))
    return [(float(scores[box[i], kind[i]]), int(kind[i]), int(box[i])) for i in kept]


def told(found: Sequence[Found], boxes: Array, limit: int, nothing: int) -> list[Array]:
    """Counts, boxes, scores and classes of each image; where none is, zeros and `nothing`."""
    count = np.array([[len(one)] for one in found], np.int32)
    corners = np.zeros((len(found), limit, 4), np.float32)
    rating = np.zeros((len(found), limit), np.float32)
    classes = np.full((len(found), limit), nothing, np.int64)
    for image, each in enumerate(found):
        for place, (score, c, n) in enumerate(each):
            corners[image, place] = boxes[image, n, c % boxes.shape[2]]
            rating[image, place], classes[image, place] = score, c
    return [count, corners, rating, classes]


@REFERENCES.add("ai.onnx::EfficientNMS_TRT")
@REFERENCES.add("TRT::EfficientNMS_TRT")
def efficient_nms(
    boxes: Array,
    scores: Array,
    anchors: Array | None,
    score_threshold: float,
    iou_threshold: float,
    max_output_boxes: int,
    background_class: int,
    score_activation: bool,
    class_agnostic: bool,
    box_coding: int,
) -> list[Array]:
    """With its arguments as TensorRT names them."""
    given = (boxes if boxes.ndim == 4 else boxes[:, :, None]).astype(np.float32)
    if box_coding:
        half = given[..., 2:] * np.float32(0.5)
        given = np.concatenate([given[..., :2] - half, given[..., :2] + half], axis=-1)
    threshold = score_threshold
    if score_activation:
        threshold = np.log(threshold / (1 - threshold)) if threshold > 0 else -(2.0**15)
    rated = np.where(scores >= np.float32(threshold), scores, np.float32(np.nan))
    if background_class >= 0:
        rated[..., background_class] = np.nan
    how: dict[str, Any] = {"agnostic": class_agnostic, "compared": _MOST_COMPARED}
    found = [
        best(b, s, max_output_boxes, lambda one: one >= np.float32(iou_threshold), **how)
        for b, s in zip(given, rated, strict=True)
    ]
    count, corners, rating, classes = told(found, given, max_output_boxes, 0)
    if score_activation:
        there = np.arange(max_output_boxes) < count
        rating = np.where(there, 1 / (1 + np.exp(-rating)), np.float32(0))
    return [count, corners, rating.astype(np.float32), classes.astype(np.int32)]


def _batched(
    boxes: Array,
    scores: Array,
    limits: tuple[int, int],
    thresholds: tuple[float, float],
    background: int,
    more: float,
) -> list[Array]:
    keep, most = limits
    rated = np.where(scores > np.float32(thresholds[0]), scores, np.float32(np.nan))
    if background >= 0:
        rated[..., background] = np.nan
    if 0 < most < rated.shape[1]:
        order = np.argsort(-rated, axis=1, kind="stable")[:, most:]
        np.put_along_axis(rated, order, np.float32(np.nan), axis=1)
    found = [
        best(b, s, keep, lambda one: one > np.float32(thresholds[1]), more=more)
        for b, s in zip(boxes.astype(np.float32), rated, strict=True)
    ]
    return told(found, boxes, keep, -1)


@REFERENCES.add("ai.onnx::BatchedNMS_TRT")
@REFERENCES.add("TRT::BatchedNMS_TRT")
@REFERENCES.add("ai.onnx::BatchedNMSDynamic_TRT")
@REFERENCES.add("TRT::BatchedNMSDynamic_TRT")
def batched_nms(
    boxes: Array,
    scores: Array,
    keep: int,
    score: float,
    overlap: float,
    most: int,
    background: int,
    normalized: bool,
    clipped: bool,
    **unused: object,
) -> list[Array]:
    """With its arguments as the symbolic names them."""
    more = 0.0 if normalized else 1.0
    found = _batched(boxes, scores, (keep, most), (score, overlap), background, more)
    count, corners, rating, classes = found
    corners = corners.clip(0, 1) if clipped else corners
    return [count, corners, rating, classes.astype(np.float32)]


@REFERENCES.add("mmdeploy::TRTBatchedNMS")
def mmdeploy_batched_nms(
    boxes: Array,
    scores: Array,
    keep_topk: int,
    score_threshold: float,
    iou_threshold: float,
    topk: int,
    background_label_id: int,
    is_normalized: bool,
    clip_boxes: bool,
    **unused: object,
) -> list[Array]:
    """With its arguments as mmdeploy names them."""
    limits, thresholds = (keep_topk, topk), (score_threshold, iou_threshold)
    more = 0.0 if is_normalized else 1.0
    found = _batched(boxes, scores, limits, thresholds, background_label_id, more)
    _, corners, rating, classes = found
    corners = corners.clip(0, 1) if clip_boxes else corners
    return [np.concatenate([corners, rating[..., None]], axis=-1), classes.astype(np.int32)]
