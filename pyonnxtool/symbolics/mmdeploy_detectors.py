"""What else mmcv and mmdeploy write into detectors.

Their documents say what is computed:
https://github.com/open-mmlab/mmdeploy/tree/main/docs/en/06-custom-ops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._running import running
from pyonnxtool.symbolics._signature import signature
from pyonnxtool.symbolics.aten_sampling import grid_sample

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_POOLED = ((2, True), (2, False), (3, True), (3, False))
"""By mode (top, bottom, left, right): the axis, and whether its end comes first."""


@SYMBOLICS.add("mmcv::MMCVCornerPool")
@SYMBOLICS.add("mmdeploy::MMCVCornerPool")
@signature("Tensor input, int mode")
def corner_pool(node: NodeView, tape: Tape, input: Operand, mode: int) -> Decision:
    """Where: the larger of what is 1, 2, 4, ... before; a Scan where the size is open."""
    if not 0 <= mode < len(_POOLED):
        return node.refuse(f"its mode {mode} is none of the four sides")
    if input.rank != 4:
        return node.refuse(f"its rank {input.rank} is not that of a batch of images")
    axis, backwards = _POOLED[mode]
    made = running(node, tape, input, axis, "GreaterOrEqual", backwards=backwards)
    return made[0] if isinstance(made, list) else made


@SYMBOLICS.add("mmcv::grid_sampler")
@SYMBOLICS.add("mmdeploy::grid_sampler")
@SYMBOLICS.add("ai.onnx::grid_sampler")
@signature("Tensor input, Tensor grid, int interpolation_mode, int padding_mode, int align_corners")
def grid_sampler(
    node: NodeView,
    tape: Tape,
    input: Operand,
    grid: Operand,
    interpolation_mode: int = 0,
    padding_mode: int = 0,
    align_corners: int = 0,
) -> Decision:
    """GridSample; Gathers and weights before opset 16, or 20 for volumes."""
    corners = bool(align_corners)
    return grid_sample(node, tape, input, grid, interpolation_mode, padding_mode, corners)


@SYMBOLICS.add("mmcv::Mark")
@SYMBOLICS.add("mmdeploy::Mark")
def mark(node: NodeView, tape: Tape) -> Decision:
    """Identity: it names a place for those who cut the model."""
    if not node.arg(0):
        return node.refuse("it has no input")
    return tape.op("Identity", node.arg(0))


@SYMBOLICS.add("mmdeploy::ScatterND")
@signature("Tensor data, Tensor indices, Tensor updates")
def scatter_nd(
    node: NodeView, tape: Tape, data: Operand, indices: Operand, updates: Operand
) -> Decision:
    """ScatterND."""
    places = indices if indices.dtype == "int64" else tape.cast(indices, "int64")
    return tape.op("ScatterND", data, places, updates)


@SYMBOLICS.add("mmdeploy::MMCVInstanceNormalization")
@SYMBOLICS.add("mmdeploy::TRTInstanceNormalization")
@signature("Tensor input, Tensor scale, Tensor bias, float epsilon")
def instance_normalization(
    node: NodeView, tape: Tape, input: Operand, scale: Operand, bias: Operand, epsilon: float = 1e-5
) -> Decision:
    """InstanceNormalization."""
    return tape.op("InstanceNormalization", input, scale, bias, epsilon=epsilon)


@SYMBOLICS.add("mmdeploy::GatherTopk")
@signature("Tensor data, Tensor inds")
def gather_topk(node: NodeView, tape: Tape, data: Operand, inds: Operand) -> Decision:
    """GatherND of batches."""
    if inds.rank is None:
        return node.refuse_dynamic("the rank of its indices")
    if inds.rank == 0:
        return node.refuse("its indices have no axis")
    places = inds if inds.dtype == "int64" else tape.cast(inds, "int64")
    column = tape.op("Unsqueeze", places, tape.ints([inds.rank]))
    return tape.op("GatherND", data, column, batch_dims=inds.rank - 1)


@SYMBOLICS.add("mmdeploy::GridPriorsTRT")
@signature("Tensor base, Tensor rows, Tensor columns, int stride_h, int stride_w")
def grid_priors(
    node: NodeView,
    tape: Tape,
    base: Operand,
    rows: Operand,
    columns: Operand,
    stride_h: int,
    stride_w: int,
) -> Decision:
    """Add of anchors and where each pixel is."""
    sizes, dtype = Sizes(tape), base.dtype or "float32"
    high, wide = (
        tape.op("Mul", tape.cast(sizes.iota_along(sizes.of(one, 0), axis, 4), dtype), step)
        for one, axis, step in (
            (rows, 0, tape.const(float(stride_h), dtype)),
            (columns, 1, tape.const(float(stride_w), dtype)),
        )
    )
    across = tape.const(np.array([1, 0, 1, 0]), dtype)
    down = tape.const(np.array([0, 1, 0, 1]), dtype)
    moved = tape.op("Add", tape.op("Mul", wide, across), tape.op("Mul", high, down))
    return tape.op("Reshape", tape.op("Add", moved, base), tape.ints([-1, 4]))


@SYMBOLICS.add("mmdeploy::ScaledDotProductAttentionTRT")
@signature("Tensor q, Tensor k, Tensor v, Tensor? mask")
def scaled_dot_product_attention(
    node: NodeView, tape: Tape, q: Operand, k: Operand, v: Operand, mask: Operand
) -> Decision:
    """MatMul, Softmax and MatMul; what it multiplies has been scaled before."""
    scores = tape.op("MatMul", q, tape.op("Transpose", k, perm=[0, 2, 1]))
    weights = tape.op("Softmax", tape.op("Add", scores, mask) if mask else scores, axis=-1)
    return [tape.op("MatMul", weights, v), weights]


_WITHOUT = {
    "NMSRotated": "boxes that are turned overlap in polygons",
    "TRTBatchedRotatedNMS": "boxes that are turned overlap in polygons",
    "MMCVRoIAlignRotated": "it samples regions that are turned",
    "RoIAlignRotated": "it samples regions that are turned",
    "MMCVMultiLevelRotatedRoiAlign": "it samples regions that are turned",
    "SoftNonMaxSuppression": "it lowers scores one by one instead of dropping boxes",
    "NMSMatch": "it makes a list of groups of boxes",
    "TRTBatchedBEVNMS": "boxes that are turned overlap in polygons",
}


def _refused(operator: str, why: str) -> None:
    def symbolic(node: NodeView, tape: Tape) -> Decision:
        return node.refuse(f"{why}, for which ONNX has no operator", f"keep it: --keep {operator}")

    symbolic.__doc__ = f"Refused: {why}."
    SYMBOLICS.add(operator)(symbolic)


for _name, _why in _WITHOUT.items():
    for _domain in ("mmcv", "mmdeploy"):
        _refused(f"{_domain}::{_name}", _why)
