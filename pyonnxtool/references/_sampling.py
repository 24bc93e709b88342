"""Pixels between pixels, in double."""

from __future__ import annotations

import math

import numpy as np

from pyonnxtool.references import Array


def bilinear(image: Array, y: float, x: float) -> Array:
    """Of [C, H, W] at a place; what lies outside is 0."""
    y0, x0 = math.floor(y), math.floor(x)
    made = np.zeros(image.shape[0])
    for row, high in ((y0, 1 - (y - y0)), (y0 + 1, y - y0)):
        for column, wide in ((x0, 1 - (x - x0)), (x0 + 1, x - x0)):
            if 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
                made += high * wide * image[:, row, column]
    return made


def sampled(image: Array, y: float, x: float) -> Array:
    """Of [C, H, W] where roi_align takes a sample: held at borders, 0 beyond a pixel of them."""
    height, width = image.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(image.shape[0])
    return bilinear(image, min(max(y, 0), height - 1), min(max(x, 0), width - 1))
