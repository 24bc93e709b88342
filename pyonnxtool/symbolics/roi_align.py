"""Regions of interest, aligned: of torchvision, and of mmcv with one feature map or several.

Samples lie as in RoiAlign; `aligned` moves them by half a pixel and lets regions be small
(https://docs.pytorch.org/vision/main/generated/torchvision.ops.roi_align.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._regions import Bins, corners, unfit
from pyonnxtool.symbolics._signature import signature

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_CLOSE = 1e-6
"""What mmcv adds before it takes the logarithm of a size."""


@SYMBOLICS.add("torchvision::roi_align")
@signature(
    "Tensor input, Tensor rois|boxes, float spatial_scale, int pooled_height|output_height, "
    "int pooled_width|output_width, int sampling_ratio, bool aligned"
)
def roi_align(
    node: NodeView,
    tape: Tape,
    input: Operand,
    rois: Operand,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Decision:
    """RoiAlign; Gathers and weights where an older opset does not move samples."""
    bins = Bins(pooled_height, pooled_width, spatial_scale, sampling_ratio, aligned)
    return unfit(node, bins, input, rois) or bins.means(tape, input, rois)


@SYMBOLICS.add("mmcv::MMCVRoiAlign")
@SYMBOLICS.add("mmcv::MMCVRoIAlign")
@SYMBOLICS.add("mmdeploy::MMCVRoiAlign")
@SYMBOLICS.add("mmdeploy::MMCVRoIAlign")
@signature(
    "Tensor input, Tensor rois, int output_height|aligned_height, int output_width|aligned_width, "
    "float spatial_scale, int sampling_ratio, str mode|pool_mode, bool aligned"
)
def mmcv_roi_align(
    node: NodeView,
    tape: Tape,
    input: Operand,
    rois: Operand,
    output_height: int,
    output_width: int,
    spatial_scale: float = 1.0,
    sampling_ratio: int = 0,
    mode: str = "avg",
    aligned: bool = True,
) -> Decision:
    """RoiAlign; of one sample a bin, and MaxPool, where the largest is asked for."""
    bins = Bins(output_height, output_width, spatial_scale, sampling_ratio, aligned)
    if mode not in ("avg", "max"):
        return node.refuse(f"its mode {mode!r} is neither avg nor max")
    if mode == "max" and sampling_ratio <= 0:
        return node.refuse("it takes the largest of as many samples as each region is large")
    pooled = bins.means if mode == "avg" else bins.largest
    return unfit(node, bins, input, rois) or pooled(tape, input, rois)


@SYMBOLICS.add("mmdeploy::MMCVMultiLevelRoiAlign")
@SYMBOLICS.add("mmdeploy::MultiLevelRoiAlign")
@signature(
    "Tensor rois, Tensor... feats, int output_height, int output_width, int pool_mode, "
    "int sampling_ratio, float roi_scale_factor, int finest_scale, float[] featmap_strides, "
    "bool aligned"
)
def multi_level_roi_align(
    node: NodeView,
    tape: Tape,
    rois: Operand,
    feats: Sequence[Operand],
    output_height: int,
    output_width: int,
    featmap_strides: Sequence[float],
    pool_mode: int = 1,
    sampling_ratio: int = 0,
    roi_scale_factor: float = 1.0,
    finest_scale: int = 56,
    aligned: bool = True,
) -> Decision:
    """RoiAlign of every feature map, of which each region takes that of its size."""
    if len(feats) != len(featmap_strides) or not feats:
        return node.refuse(f"it has {len(feats)} feature maps and {len(featmap_strides)} strides")
    if pool_mode == 0 and sampling_ratio <= 0:
        return node.refuse("it takes the largest of as many samples as each region is large")
    regions = str(rois)
    if roi_scale_factor > 0 and roi_scale_factor != 1:
        regions = _grown(tape, regions, roi_scale_factor, rois.dtype or "")
    size = _relative_sizes(tape, rois, finest_scale)
    made = ""
    for level, (feature, stride) in enumerate(zip(feats, featmap_strides, strict=True)):
        bins = Bins(output_height, output_width, 1 / stride, sampling_ratio, aligned)
        if (refusal := unfit(node, bins, feature, rois)) is not None:
            return refusal
        pooled = (bins.means if pool_mode else bins.largest)(tape, feature, regions)
        if level:
            large = tape.op("Less", size, tape.const(2.0**level, rois.dtype))
            pooled = tape.op("Where", large, made, pooled)
        made = pooled
    return made


def _relative_sizes(tape: Tape, rois: Operand, finest: int) -> str:
    """Roots of areas, in units of the finest scale: [K, 1, 1, 1]. Level n is from 2**n on."""
    first, last = tape.many("Split", corners(tape, rois), outputs=2, axis=1, num_outputs=2)
    area = tape.op("ReduceProd", tape.op("Sub", last, first), tape.ints([1]), keepdims=0)
    scaled = tape.op("Div", tape.op("Sqrt", area), tape.const(float(finest), rois.dtype))
    moved = tape.op("Add", scaled, tape.const(_CLOSE, rois.dtype))
    return tape.op("Unsqueeze", moved, tape.ints([1, 2, 3]))


def _grown(tape: Tape, rois: str, factor: float, dtype: str) -> str:
    """Regions around the same centres whose sides, counted in whole pixels, are so much longer."""
    first, last = tape.many("Split", corners(tape, rois), outputs=2, axis=1, num_outputs=2)
    half = tape.const(np.array(0.5), dtype)
    centre = tape.op("Mul", tape.op("Add", first, last), half)
    side = tape.op("Add", tape.op("Sub", last, first), tape.const(np.array(1.0), dtype))
    reach = tape.op("Sub", tape.op("Mul", side, tape.const(np.array(factor / 2), dtype)), half)
    images = tape.op("Slice", rois, tape.ints([0]), tape.ints([1]), tape.ints([1]))
    around = (tape.op("Sub", centre, reach), tape.op("Add", centre, reach))
    return tape.op("Concat", images, *around, axis=1)
