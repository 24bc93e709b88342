"""Deformable convolutions of torchvision, mmcv and mmdeploy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyonnxtool.references import REFERENCES, Array
from pyonnxtool.references._sampling import bilinear


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
        taps = under.reshape(groups, -1)
        filters = weight.reshape(groups, made // groups, each * height * width)
        out[n, :, i, j] = np.einsum("gmk,gk->gm", filters, taps).ravel()
    if bias is not None:
        out += bias.reshape(-1, 1, 1)
    return out.astype(x.dtype)


@REFERENCES.add("torchvision::deform_conv2d")
def torchvision(
    input: Array,
    weight: Array,
    offset: Array,
    mask: Array | None,
    bias: Array | None,
    *,
    use_mask: bool | None,
    groups: int,
    offset_groups: int,
    **sides: int,
) -> Array:
    """With its arguments as torchvision names them."""
    return deform_conv2d(
        input,
        weight,
        offset,
        None if use_mask is False else mask,
        bias,
        stride=(sides["stride_h"], sides["stride_w"]),
        padding=(sides["pad_h"], sides["pad_w"]),
        dilation=(sides["dilation_h"], sides["dilation_w"]),
        groups=groups,
        offset_groups=offset_groups,
    )


@REFERENCES.add("mmcv::MMCVDeformConv2d")
@REFERENCES.add("mmdeploy::MMCVDeformConv2d")
@REFERENCES.add("mmdeploy::DeformConv2d")
@REFERENCES.add("mmcv::MMCVModulatedDeformConv2d")
@REFERENCES.add("mmdeploy::MMCVModulatedDeformConv2d")
@REFERENCES.add("mmcv::ModulatedDeformConv2d")
@REFERENCES.add("mmdeploy::ModulatedDeformConv2d")
@REFERENCES.add("ai.onnx::DCNv2")
def mmcv(
    input: Array,
    offset: Array,
    weight: Array,
    *,
    mask: Array | None = None,
    bias: Array | int | None = None,
    groups: int,
    deform_groups: int,
    **sides: Any,
) -> Array:
    """With its arguments as mmcv names them; `bias` is no array where there is no mask."""
    both = {name: (*sides[name], *sides[name])[:2] for name in ("stride", "padding", "dilation")}
    return deform_conv2d(
        input,
        weight,
        offset,
        mask,
        bias if isinstance(bias, np.ndarray) else None,
        groups=groups,
        offset_groups=deform_groups,
        **both,
    )
