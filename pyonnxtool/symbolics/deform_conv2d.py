"""Deformable convolutions of torchvision, mmcv and mmdeploy.

Where the kernel lies, what `offset` and `mask` hold and what is outside of the image are the same
as in DeformConv (https://docs.pytorch.org/vision/main/generated/torchvision.ops.deform_conv2d.html,
https://github.com/open-mmlab/mmcv/blob/main/docs/en/deployment/mmcv_ops_definition.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._signature import signature

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_AXES = 2


@SYMBOLICS.add("torchvision::deform_conv2d")
@signature(
    "Tensor input, Tensor weight, Tensor offset, Tensor? mask, Tensor? bias, int stride_h|stride, "
    "int stride_w|stride, int pad_h|padding, int pad_w|padding, int dilation_h|dilation, "
    "int dilation_w|dilation, int groups|n_weight_grps, int offset_groups|n_offset_grps, "
    "bool? use_mask"
)
def deform_conv2d(
    node: NodeView,
    tape: Tape,
    input: Operand,
    weight: Operand,
    offset: Operand,
    mask: Operand,
    bias: Operand,
    stride_h: int = 1,
    stride_w: int = 1,
    pad_h: int = 0,
    pad_w: int = 0,
    dilation_h: int = 1,
    dilation_w: int = 1,
    groups: int = 1,
    offset_groups: int = 1,
    use_mask: bool | None = None,
) -> Decision:
    """DeformConv; Gathers, weights and MatMul before opset 19."""
    masked = str(mask) if use_mask is not False else ""
    return _deform_conv(
        tape,
        (input, weight, offset, bias, masked),
        (stride_h, stride_w),
        (pad_h, pad_w),
        (dilation_h, dilation_w),
        groups,
        offset_groups,
    )


@SYMBOLICS.add("mmcv::MMCVDeformConv2d")
@SYMBOLICS.add("mmdeploy::MMCVDeformConv2d")
@SYMBOLICS.add("mmdeploy::DeformConv2d")
@signature(
    "Tensor input, Tensor offset, Tensor weight, int[] stride, int[] padding, int[] dilation, "
    "int groups|group, int deform_groups|deformable_groups|deformable_group, int bias, "
    "int im2col_step"
)
def mmcv_deform_conv(
    node: NodeView,
    tape: Tape,
    input: Operand,
    offset: Operand,
    weight: Operand,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
    deform_groups: int = 1,
    bias: int = 0,
    im2col_step: int = 32,
) -> Decision:
    """DeformConv; Gathers, weights and MatMul before opset 19."""
    if bias:
        return node.refuse("it is to add a bias, and has no input for one")
    pads = _padding(node, padding)
    if not isinstance(pads, tuple):
        return pads
    operands = (input, weight, offset, "", "")
    return _deform_conv(tape, operands, stride, pads, dilation, groups, deform_groups)


@SYMBOLICS.add("mmcv::MMCVModulatedDeformConv2d")
@SYMBOLICS.add("mmdeploy::MMCVModulatedDeformConv2d")
@SYMBOLICS.add("mmcv::ModulatedDeformConv2d")
@SYMBOLICS.add("mmdeploy::ModulatedDeformConv2d")
@SYMBOLICS.add("ai.onnx::DCNv2")
@signature(
    "Tensor input, Tensor offset, Tensor mask, Tensor weight, Tensor? bias, int[] stride, "
    "int[] padding, int[] dilation, int groups|group, "
    "int deform_groups|deformable_groups|deformable_group"
)
def mmcv_modulated_deform_conv(
    node: NodeView,
    tape: Tape,
    input: Operand,
    offset: Operand,
    mask: Operand,
    weight: Operand,
    bias: Operand,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
    deform_groups: int = 1,
) -> Decision:
    """DeformConv with a mask; Gathers, weights and MatMul before opset 19."""
    pads = _padding(node, padding)
    if not isinstance(pads, tuple):
        return pads
    operands = (input, weight, offset, bias, mask)
    return _deform_conv(tape, operands, stride, pads, dilation, groups, deform_groups)


def _padding(node: NodeView, padding: Sequence[int]) -> tuple[int, ...] | Refusal:
    """Of height and width. mmdeploy writes [h, h, w, w], of which its kernels read two."""
    pads = tuple(padding)
    if len(pads) == 2 * _AXES and len(set(pads)) == 1:
        return pads[:_AXES]
    if len(pads) > _AXES:
        return node.refuse(f"`padding` {list(pads)} is not that of height and width")
    return pads


def _deform_conv(
    tape: Tape,
    operands: Sequence[str],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    groups: int,
    offset_groups: int,
) -> str:
    return tape.op(
        "DeformConv",
        *operands,
        strides=_both(strides),
        pads=_both(pads) * 2,
        dilations=_both(dilations),
        group=groups,
        offset_group=offset_groups,
    )


def _both(values: Sequence[int]) -> list[int]:
    """One number is of both axes."""
    return list(values) * _AXES if len(values) == 1 else list(values)
