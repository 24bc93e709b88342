"""Images that are sampled at the places of a grid, as torch does it: in double, but for places."""

from __future__ import annotations

import numpy as np

from pyonnxtool.references import REFERENCES, Array

_NEAREST, _CUBIC = 1, 2
_BORDER, _REFLECTED = 1, 2
_COEFFICIENT = -0.75


@REFERENCES.add("mmcv::grid_sampler")
@REFERENCES.add("mmdeploy::grid_sampler")
@REFERENCES.add("ai.onnx::grid_sampler")
def grid_sampler(
    input: Array, grid: Array, interpolation_mode: int, padding_mode: int, align_corners: int
) -> Array:
    """Of [N, C, H, W], at [N, h, w, (x, y)] between -1 and 1."""
    places = []
    for at, size in ((1, input.shape[2]), (0, input.shape[3])):
        given = grid[..., at] + 1  # places are in the grid's dtype, as torch has them
        place = given / 2 * (size - 1) if align_corners else (given * size - 1) / 2
        place = place.astype(np.float64)
        if interpolation_mode != _CUBIC:
            place = _padded(place, size, padding_mode, align_corners)
        places.append(place)
    reach = (-1, 0, 1, 2) if interpolation_mode == _CUBIC else (0, 1)
    rows, columns = (np.rint(one) if interpolation_mode == _NEAREST else one for one in places)
    made = np.zeros((*input.shape[:2], *grid.shape[1:3]))
    for step_y in reach:
        for step_x in reach:
            y, x = np.floor(rows) + step_y, np.floor(columns) + step_x
            high, wide = (_weight(off, interpolation_mode) for off in (rows - y, columns - x))
            value = _pixels(input, y, x, padding_mode, align_corners)
            made += (high * wide)[:, None] * value
    return made.astype(input.dtype)


def _padded(place: Array, size: int, mode: int, align_corners: int) -> Array:
    if mode == _REFLECTED:
        low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
        if span == 0:
            return np.zeros_like(place)
        off = np.abs(place - low)
        turns, rest = np.divmod(off, span)
        place = np.where(turns % 2 == 0, rest, span - rest) + low
    if mode in (_BORDER, _REFLECTED):
        return np.clip(place, 0, size - 1)
    return place


def _weight(off: Array, mode: int) -> Array:
    off = np.abs(off)
    if mode != _CUBIC:
        linear: Array = np.maximum(1 - off, 0)
        return linear
    a = _COEFFICIENT
    near = ((a + 2) * off - (a + 3)) * off * off + 1
    far = ((a * off - 5 * a) * off + 8 * a) * off - 4 * a
    return np.where(off <= 1, near, far)


def _pixels(image: Array, y: Array, x: Array, mode: int, align_corners: int) -> Array:
    """[N, C, h, w]; zeros outside of the image, unless the mode has something there."""
    height, width = image.shape[2:]
    if mode:
        y, x = _padded(y, height, mode, align_corners), _padded(x, width, mode, align_corners)
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    rows, columns = (
        np.clip(one, 0, size - 1).astype(int) for one, size in ((y, height), (x, width))
    )
    found = image.transpose(0, 2, 3, 1)[np.arange(len(image))[:, None, None], rows, columns]
    made: Array = np.where(inside[..., None], found, 0).transpose(0, 3, 1, 2)
    return made
