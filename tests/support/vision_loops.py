"""Operators of torchvision as loops over their definitions, in double."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def bilinear(image: Array, y: float, x: float) -> Array:
    """Of [C, H, W] at a place; what lies outside is 0."""
    y0, x0 = math.floor(y), math.floor(x)
    made = np.zeros(image.shape[0])
    for row, high in ((y0, 1 - (y - y0)), (y0 + 1, y - y0)):
        for column, wide in ((x0, 1 - (x - x0)), (x0 + 1, x - x0)):
            if 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
                made += high * wide * image[:, row, column]
    return made


def deform_conv2d(
    x: Array,
    weight: Array,
    offset: Array,
    mask: Array | None = None,
    bias: Array | None = None,
    *,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
    offset_groups: int = 1,
) -> Array:
    """torchvision.ops.deform_conv2d."""
    made, each, height, width = weight.shape
    high, wide = offset.shape[2:]
    out = np.zeros((len(x), made, high, wide))
    part = x.shape[1] // offset_groups
    for n, i, j in np.ndindex(len(x), high, wide):
        under = np.zeros((x.shape[1], height, width))
        for group, a, b in np.ndindex(offset_groups, height, width):
            k = (group * height + a) * width + b
            y = i * stride[0] - padding[0] + a * dilation[0] + float(offset[n, 2 * k, i, j])
            z = j * stride[1] - padding[1] + b * dilation[1] + float(offset[n, 2 * k + 1, i, j])
            channels = slice(group * part, (group + 1) * part)
            weighed = 1.0 if mask is None else float(mask[n, k, i, j])
            under[channels, a, b] = bilinear(x[n, channels].astype(float), y, z) * weighed
        for m in range(made):
            first = m // (made // groups) * each
            out[n, m, i, j] = (weight[m] * under[first : first + each]).sum()
    if bias is not None:
        out += bias.reshape(-1, 1, 1)
    return out.astype(x.dtype)


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
