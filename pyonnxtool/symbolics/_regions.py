"""Regions of interest as torchvision and mmcv write them: [K, (image, x1, y1, x2, y2)]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class Bins:
    """What each region is divided into, and how samples lie in it."""

    height: int
    width: int
    scale: float
    """Of the image, in pixels of what the regions are given in."""
    samples: int = 0
    """Along an axis of a bin; as many as it is large where this is not positive."""
    half_pixel: bool = False

    def means(self, tape: Tape, image: Operand, rois: str) -> str:
        """[K, C, height, width]."""
        return self._aligned(tape, image, rois, 1, max(self.samples, 0))

    def largest(self, tape: Tape, image: Operand, rois: str) -> str:
        """[K, C, height, width]. Pre: the number of samples is positive."""
        sampled = self._aligned(tape, image, rois, self.samples, 1)
        sides = [self.samples] * 2
        return tape.op("MaxPool", sampled, kernel_shape=sides, strides=sides)

    def _aligned(self, tape: Tape, image: Operand, rois: str, finer: int, samples: int) -> str:
        places, scale = corners(tape, rois), self.scale
        if image.dtype == "float64" and float(np.float32(scale)) != scale:  # attributes are floats
            places, scale = tape.op("Mul", places, tape.const(np.float64(scale))), 1.0
        return tape.op(
            "RoiAlign",
            image,
            places,
            images_of(tape, rois),
            output_height=self.height * finer,
            output_width=self.width * finer,
            spatial_scale=scale,
            sampling_ratio=samples,
            coordinate_transformation_mode="half_pixel" if self.half_pixel else "output_half_pixel",
        )


def unfit(node: NodeView, bins: Bins, image: Operand, rois: Operand) -> Refusal | None:
    """The refusal where operands have other ranks, or types that are not known or differ."""
    if bins.height <= 0 or bins.width <= 0:
        return node.refuse(f"it makes {bins.height} by {bins.width} bins of each region")
    for name, operand, rank in (("image", image, 4), ("rois", rois, 2)):
        if operand.rank not in (rank, None):
            return node.refuse(f"its {name} has rank {operand.rank}, not {rank}")
        if operand.dtype is None:
            return node.refuse_dynamic("the type of its inputs")
    if image.dtype != rois.dtype:
        return node.refuse(f"its image is of {image.dtype}, and its rois of {rois.dtype}")
    shape = rois.shape
    if shape and shape[1] not in (5, None):
        return node.refuse(f"its rois are {shape[1]} numbers each, not an image and two corners")
    return None


def images_of(tape: Tape, rois: str) -> str:
    """Which image each region is of, [K] of int64."""
    images = tape.op("Gather", rois, tape.const(0, "int64"), axis=1)
    return tape.cast(images, "int64")


def corners(tape: Tape, rois: str) -> str:
    """(x1, y1, x2, y2) of each, [K, 4]."""
    return tape.op("Slice", rois, tape.ints([1]), tape.ints([5]), tape.ints([1]))
