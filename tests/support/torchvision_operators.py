"""Operators of torchvision by its schemas, where it is not installed: loops, and their shapes."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from pyonnxtool.references.deform_conv2d import deform_conv2d
from pyonnxtool.references.nms import nms
from pyonnxtool.references.roi_align import roi_align

DEFORM_CONV = (
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, "
    "SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, "
    "SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> Tensor"
)
NMS = "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
ROI_ALIGN = (
    "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, "
    "SymInt pooled_width, int sampling_ratio, bool aligned) -> Tensor"
)


def _deform_conv(x: Any, weight: Any, offset: Any, mask: Any, bias: Any, *rest: Any) -> Any:
    *pairs, groups, offset_groups, use_mask = rest
    return deform_conv2d(
        *(x, weight, offset, mask if use_mask else None, bias),
        stride=pairs[:2],
        padding=pairs[2:4],
        dilation=pairs[4:],
        groups=groups,
        offset_groups=offset_groups,
    )


def _shape_of_kept(dets: Any, *_rest: Any) -> Any:
    return dets.new_empty([torch.library.get_ctx().new_dynamic_size()], dtype=torch.int64)


def _in_numpy(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        arrays = [one.numpy() if isinstance(one, torch.Tensor) else one for one in args]
        return torch.tensor(np.asarray(function(*arrays), arrays[0].dtype))

    return run


def _kept(dets: Any, scores: Any, threshold: float) -> Any:
    return torch.tensor(np.asarray(nms(dets.numpy(), scores.numpy(), threshold), np.int64))


def define() -> None:
    """Once in a process, and only without torchvision."""
    if find_spec("torchvision") is not None or hasattr(torch.ops.torchvision, "nms"):
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    KEPT_ALIVE.append(library)
    for schema, function, fake in (
        (DEFORM_CONV, _in_numpy(_deform_conv), _shape_of_deformed),
        (NMS, _kept, _shape_of_kept),
        (ROI_ALIGN, _in_numpy(roi_align), _shape_of_regions),
    ):
        library.define(schema)
        name = schema.partition("(")[0]
        library.impl(name, function, "CPU")
        torch.library.register_fake(f"torchvision::{name}", fake)


def _shape_of_deformed(x: Any, weight: Any, offset: Any, *_rest: Any) -> Any:
    return x.new_empty((x.shape[0], weight.shape[0], *offset.shape[2:]))


def _shape_of_regions(x: Any, rois: Any, _scale: Any, high: int, wide: int, *_rest: Any) -> Any:
    return x.new_empty((rois.shape[0], x.shape[1], high, wide))


KEPT_ALIVE: list[Any] = []
"""A library ends its operators with itself."""
define()
