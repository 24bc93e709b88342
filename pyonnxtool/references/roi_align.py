"""Regions of interest, aligned: of torchvision and mmcv."""

from __future__ import annotations

import math

import numpy as np

from pyonnxtool.references import REFERENCES, Array
from pyonnxtool.references._sampling import sampled


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


@REFERENCES.add("torchvision::roi_align")
def torchvision(
    input: Array,
    rois: Array,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
    aligned: bool,
) -> Array:
    """With its arguments as torchvision names them."""
    bins = (pooled_height, pooled_width)
    return roi_align(input, rois, spatial_scale, *bins, sampling_ratio, aligned)


@REFERENCES.add("mmcv::MMCVRoiAlign")
@REFERENCES.add("mmcv::MMCVRoIAlign")
@REFERENCES.add("mmdeploy::MMCVRoiAlign")
@REFERENCES.add("mmdeploy::MMCVRoIAlign")
def mmcv(
    input: Array,
    rois: Array,
    output_height: int,
    output_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    mode: str,
    aligned: bool,
) -> Array:
    """With its arguments as mmcv names them."""
    bins = (output_height, output_width)
    largest = mode == "max"
    return roi_align(input, rois, spatial_scale, *bins, sampling_ratio, aligned, largest=largest)


@REFERENCES.add("torchvision::ps_roi_align")
def by_place(
    input: Array,
    rois: Array,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
) -> list[Array]:
    """Each bin reads channels of its own; the second output says which."""
    bins = (pooled_height, pooled_width)
    made = roi_align(input, rois, spatial_scale, *bins, sampling_ratio, True, by_place=True)
    return [made, own_channels(made.shape)]


def own_channels(shape: tuple[int, ...]) -> Array:
    """Which channel each element is read from, of regions, channels, rows and columns."""
    return np.broadcast_to(
        np.arange(math.prod(shape[1:]), dtype=np.int32).reshape(shape[1:]), shape
    )


@REFERENCES.add("mmdeploy::MMCVMultiLevelRoiAlign")
@REFERENCES.add("mmdeploy::MultiLevelRoiAlign")
def multi_level(
    rois: Array,
    feats: list[Array],
    output_height: int,
    output_width: int,
    featmap_strides: list[float],
    pool_mode: int,
    sampling_ratio: int,
    roi_scale_factor: float,
    finest_scale: int,
    aligned: bool,
) -> Array:
    """Each region of the feature map of its size."""
    made = []
    for one in rois:
        area = max((one[3] - one[1]) * (one[4] - one[2]), 0)
        level = math.floor(math.log2(math.sqrt(area) / finest_scale + 1e-6))
        level = min(max(level, 0), len(feats) - 1)
        centre, side = (one[1:3] + one[3:]) / 2, one[3:] - one[1:3]
        if roi_scale_factor > 0 and roi_scale_factor != 1:
            side = (side + 1) * roi_scale_factor - 1
        grown = np.concatenate([one[:1], centre - side / 2, centre + side / 2])
        scale = 1 / featmap_strides[level]
        bins = (output_height, output_width, sampling_ratio, aligned)
        whole = grown.astype(rois.dtype)[None]
        made.append(roi_align(feats[level], whole, scale, *bins, largest=pool_mode == 0)[0])
    return np.stack(made)
