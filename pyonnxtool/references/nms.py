"""Non-maximum suppression of torchvision and mmcv, of one list of boxes."""

from __future__ import annotations

import numpy as np

from pyonnxtool.references import REFERENCES, Array


def nms(boxes: Array, scores: Array, threshold: float, offset: int = 0) -> Array:
    """torchvision.ops.nms; `offset` is what a box is larger than its coordinates say."""
    area = (boxes[:, 2] - boxes[:, 0] + offset) * (boxes[:, 3] - boxes[:, 1] + offset)
    order = [int(one) for one in np.argsort(-scores, kind="stable")]
    covered: set[int] = set()
    for place, i in enumerate(order):
        for j in order[place + 1 :] if i not in covered else []:
            sides = np.minimum(boxes[i, 2:], boxes[j, 2:]) - np.maximum(boxes[i, :2], boxes[j, :2])
            common = np.prod(np.maximum(sides + offset, np.float32(0)))
            if common and common / (area[i] + area[j] - common) > threshold:
                covered.add(j)
    return np.array([i for i in order if i not in covered], np.int64)


@REFERENCES.add("torchvision::nms")
def torchvision(dets: Array, scores: Array, iou_threshold: Array | float) -> Array:
    """With its arguments as torchvision names them."""
    return nms(dets, scores, float(iou_threshold))


@REFERENCES.add("mmcv::NonMaxSuppression")
def mmcv(boxes: Array, scores: Array, iou_threshold: Array | float, offset: int) -> Array:
    """With its arguments as mmcv names them."""
    return nms(boxes, scores, float(iou_threshold), offset)
