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
