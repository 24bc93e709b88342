"""Regions of interest, pooled in bins of whole pixels, as torchvision and mmcv do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._regions import Bins, unfit
from pyonnxtool.symbolics._signature import signature

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("torchvision::roi_pool")
@signature(
    "Tensor input, Tensor rois, float spatial_scale, int pooled_height|output_height, "
    "int pooled_width|output_width"
)
def roi_pool(
    node: NodeView,
    tape: Tape,
    input: Operand,
    rois: Operand,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
) -> Decision:
    """MaxRoiPool."""
    if (refusal := unfit(node, Bins(pooled_height, pooled_width, 1.0), input, rois)) is not None:
        return refusal
    if node.out(1):
        return node.refuse("its second output, where the largest are, is for training")
    made = tape.op(
        "MaxRoiPool",
        input,
        rois,
        pooled_shape=[pooled_height, pooled_width],
        spatial_scale=spatial_scale,
    )
    return [made]
