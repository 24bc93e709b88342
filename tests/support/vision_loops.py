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


def sampled(image: Array, y: float, x: float) -> Array:
    """Of [C, H, W] where roi_align takes a sample: held at borders, 0 beyond a pixel of them."""
    height, width = image.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(image.shape[0])
    return bilinear(image, min(max(y, 0), height - 1), min(max(x, 0), width - 1))


def roi_align(
    x: Array,
    rois: Array,
    scale: float,
    height: int,
    width: int,
    ratio: int = -1,
    aligned: bool = False,
    *,
    largest: bool = False,
    by_place: bool = False,
) -> Array:
    """torchvision.ops.roi_align; `by_place` is ps_roi_align, `largest` mmcv's mode max."""
    moved, least = (0.5, -math.inf) if aligned else (0.0, 1.0)
    channels = x.shape[1] // (height * width) if by_place else x.shape[1]
    out = np.zeros((len(rois), channels, height, width))
    for k, p, q in np.ndindex(len(rois), height, width):
        x1, y1, x2, y2 = (rois[k, 1:].astype(np.float32) * np.float32(scale)).astype(float) - moved
        sides = (max(y2 - y1, least), max(x2 - x1, least))
        bins = (sides[0] / height, sides[1] / width)
        rows, columns = [ratio if ratio > 0 else math.ceil(size) for size in bins]
        image = x[int(rois[k, 0])].astype(float)
        if by_place:
            image = image.reshape(channels, height, width, *x.shape[2:])[:, p, q]
        samples = [
            sampled(
                image,
                y1 + (p + (i + 0.5) / rows) * bins[0],
                x1 + (q + (j + 0.5) / columns) * bins[1],
            )
            for i in range(rows)
            for j in range(columns)
        ]
        count = rows * columns
        if largest:
            out[k, :, p, q] = np.max(samples, axis=0)
        elif count == 0 and by_place:
            out[k, :, p, q] = np.nan
        else:
            out[k, :, p, q] = sum(samples) / max(count, 1)
    return out.astype(x.dtype)


def pooled_bounds(
    rois: Array, scale: float, bins: Sequence[int], size: Sequence[int], extra: int
) -> Any:
    """Of each region and bin the bounds of rows and columns; sides are longer by `extra`."""
    scaled = rois[:, 1:].astype(np.float32) * np.float32(scale)
    whole = np.sign(scaled) * np.floor(np.abs(scaled.astype(float)) + 0.5)
    for k, p, q in np.ndindex(len(rois), *bins):
        bounds = []
        for place, count, axis in ((p, bins[0], 1), (q, bins[1], 0)):
            side = max(whole[k, axis + 2] - whole[k, axis] + extra, 1)
            step = np.float32(side) / np.float32(count)
            ends = (math.floor(np.float32(place) * step), math.ceil(np.float32(place + 1) * step))
            last = size[1 - axis] - (extra == 0)
            bounds += [int(min(max(end + whole[k, axis], 0), last)) for end in ends]
        yield (k, p, q), bounds


def roi_pool(x: Array, rois: Array, scale: float, height: int, width: int) -> Array:
    """torchvision.ops.roi_pool."""
    out = np.zeros((len(rois), x.shape[1], height, width), x.dtype)
    for (k, p, q), (top, end, left, right) in pooled_bounds(
        rois, scale, (height, width), x.shape[2:], 1
    ):
        if end > top and right > left:
            out[k, :, p, q] = x[int(rois[k, 0]), :, top:end, left:right].max(axis=(1, 2))
    return out


def ps_roi_pool(x: Array, rois: Array, scale: float, height: int, width: int) -> Array:
    """torchvision.ops.ps_roi_pool."""
    maps = x.reshape(len(x), -1, height, width, *x.shape[2:]).astype(float)
    out = np.zeros((len(rois), maps.shape[1], height, width))
    for (k, p, q), (top, end, left, right) in pooled_bounds(
        rois, scale, (height, width), x.shape[2:], 0
    ):
        if end > top and right > left:
            under = maps[int(rois[k, 0]), :, p, q, top:end, left:right]
            out[k, :, p, q] = under.mean(axis=(1, 2))
    return out.astype(x.dtype)
