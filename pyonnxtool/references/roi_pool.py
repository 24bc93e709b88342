"""Regions of interest, pooled: of torchvision."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from pyonnxtool.references import REFERENCES, Array
from pyonnxtool.references.roi_align import own_channels


def pooled_bounds(
    rois: Array, scale: float, bins: Sequence[int], size: Sequence[int], extra: int
) -> Iterator[tuple[tuple[int, ...], list[int]]]:
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


@REFERENCES.add("torchvision::roi_pool")
def torchvision(
    input: Array, rois: Array, spatial_scale: float, pooled_height: int, pooled_width: int
) -> Array:
    """With its arguments as torchvision names them."""
    return roi_pool(input, rois, spatial_scale, pooled_height, pooled_width)


@REFERENCES.add("torchvision::ps_roi_pool")
def by_place(
    input: Array, rois: Array, spatial_scale: float, pooled_height: int, pooled_width: int
) -> list[Array]:
    """Each bin reads channels of its own; the second output says which."""
    made = ps_roi_pool(input, rois, spatial_scale, pooled_height, pooled_width)
    return [made, own_channels(made.shape)]
