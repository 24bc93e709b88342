"""Non-maximum suppression of torchvision and mmcv, of one list of boxes."""

from __future__ import annotations

import numpy as np

from pyonnxtool.references import REFERENCES, Array


def nms(boxes: Array, scores: Array, threshold: float, offset: int = 0) -> Array:
    """torchvision.ops.nms; `offset` is what a box is larger than its coordinates say."""
    area = (boxes[:, 2] - boxes[:, 0] + offset) * (boxes[:, 3] - boxes[:, 1] + offset)
    order = np.argsort(-scores, kind="stable")
    left = np.ones(len(boxes), bool)
    kept: list[int] = []
    for place, i in enumerate(order):
        if not left[i]:
            continue
        kept.append(int(i))
        rest = order[place + 1 :]
        sides = np.minimum(boxes[i, 2:], boxes[rest, 2:]) - np.maximum(
            boxes[i, :2], boxes[rest, :2]
        )
        common = np.prod(np.maximum(sides + offset, np.float32(0)), axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            covered = (common > 0) & (common / (area[i] + area[rest] - common) > threshold)
        left[rest[covered]] = False
    return np.array(kept, np.int64)


@REFERENCES.add("torchvision::nms")
def torchvision(dets: Array, scores: Array, iou_threshold: Array | float) -> Array:
    """With its arguments as torchvision names them."""
    return nms(dets, scores, float(iou_threshold))


@REFERENCES.add("mmcv::NonMaxSuppression")
def mmcv(boxes: Array, scores: Array, iou_threshold: Array | float, offset: int) -> Array:
    """With its arguments as mmcv names them."""
    return nms(boxes, scores, float(iou_threshold), offset)


@REFERENCES.add("torchvision::batched_nms")
@REFERENCES.add("torchvision::_batched_nms_coordinate_trick")
def batched(boxes: Array, scores: Array, idxs: Array, iou_threshold: Array | float) -> Array:
    """Of boxes that are moved apart by their class."""
    if not len(boxes):
        return np.zeros(0, np.int64)
    step = boxes.max() + boxes.dtype.type(1)
    moved = boxes + (idxs.astype(boxes.dtype) * step)[:, None]
    return nms(moved, scores, float(iou_threshold))


@REFERENCES.add("torchvision::_batched_nms_vanilla")
def by_class(boxes: Array, scores: Array, idxs: Array, iou_threshold: Array | float) -> Array:
    """Of one class after the other, best first."""
    kept = [np.zeros(0, np.int64)]
    for number in np.unique(idxs):
        own = np.flatnonzero(idxs == number)
        kept.append(own[nms(boxes[own], scores[own], float(iou_threshold))])
    found: Array = np.sort(np.concatenate(kept))
    return found[np.argsort(-scores[found], kind="stable")]
