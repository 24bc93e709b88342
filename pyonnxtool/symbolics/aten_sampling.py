"""Images that torch samples between their pixels: grids, and other sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.symbolics._aten import aten

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_GRID_MODES = ("linear", "nearest", "cubic")
_PADDINGS = ("zeros", "border", "reflection")


@aten(
    "grid_sampler|grid_sampler_2d|grid_sampler_3d",
    "Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners",
)
def grid_sampler(
    node: NodeView,
    tape: Tape,
    input: Operand,
    grid: Operand,
    interpolation_mode: int = 0,
    padding_mode: int = 0,
    align_corners: bool = False,
) -> Decision:
    """GridSample; Gathers and weights before opset 16, or 20 for volumes."""
    return grid_sample(node, tape, input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sample(
    node: NodeView,
    tape: Tape,
    image: Operand,
    grid: Operand,
    mode: int,
    padding: int,
    align_corners: bool,
) -> Decision:
    """GridSample of torch's numbers for its mode and padding."""
    if not 0 <= mode < len(_GRID_MODES) or not 0 <= padding < len(_PADDINGS):
        return node.refuse(f"mode {mode} and padding {padding} are none that torch has")
    return tape.op(
        "GridSample",
        image,
        grid,
        mode=_GRID_MODES[mode],
        padding_mode=_PADDINGS[padding],
        align_corners=int(align_corners),
    )


@aten("affine_grid_generator", "Tensor theta, Tensor size, bool align_corners")
def affine_grid_generator(
    node: NodeView, tape: Tape, theta: Operand, size: Operand, align_corners: bool = False
) -> Decision:
    """AffineGrid; its formula before opset 20."""
    return tape.op("AffineGrid", theta, size, align_corners=int(align_corners))


def _resized(
    node: NodeView,
    tape: Tape,
    image: Operand,
    sizes: Sequence[int] | None,
    scales: Sequence[float] | None,
    how: Mapping[str, Any],
) -> Decision:
    """Resize of the axes behind the first two. Of both, the sizes follow from the scales."""
    shape = image.shape
    if shape is None:
        return node.refuse_dynamic("its rank")
    count = len(shape) - 2
    for given in (sizes, scales):
        if given is not None and len(given) != count:
            return node.refuse(f"it has {len(given)} sizes or scales for {count} axes")
    if scales is None and sizes is None:
        return node.refuse("it has neither sizes nor scales")
    axes = list(range(2, len(shape)))
    if scales is None and sizes is not None:
        return tape.op("Resize", image, "", "", tape.ints(sizes), axes=axes, **how)
    assert scales is not None
    if sizes is not None:
        before = shape[2:]
        grown = [
            None if size is None else int(np.float32(size) * np.float32(scale))
            for size, scale in zip(before, scales, strict=True)
        ]
        if grown != list(sizes):
            return node.refuse("its sizes are not those that its scales lead to")
    factors = tape.const(np.array(scales, np.float32))
    return tape.op("Resize", image, "", factors, axes=axes, **how)


def _register(
    name: str, mode: str, axes: int, *, exact: bool = False, smooth: bool = False
) -> None:
    """An operator of one mode, in the two forms that torch has: with sizes, or scales as well."""
    nearest = mode == "nearest"
    how: dict[str, Any] = {"mode": mode}
    if nearest:
        how["coordinate_transformation_mode"] = "half_pixel" if exact else "asymmetric"
        how["nearest_mode"] = "round_prefer_ceil" if exact else "floor"
    if mode == "cubic":
        how["cubic_coeff_a"] = -0.5 if smooth else -0.75
    if smooth:
        how |= {"antialias": 1, "exclude_outside": 1}

    def symbolic(
        node: NodeView,
        tape: Tape,
        input: Operand,
        output_size: Sequence[int] | None,
        align_corners: bool = False,
        scale_factors: Sequence[float] | None = None,
        more_scales: Sequence[float] | None = None,
        last_scale: float | None = None,
    ) -> Decision:
        scales = [*(scale_factors or []), *(more_scales or [])]
        scales += [] if last_scale is None else [last_scale]
        if smooth and align_corners:
            return node.refuse("it smooths and aligns corners, for which ONNX has no exact form")
        options = dict(how)
        if not nearest:
            place = "align_corners" if align_corners else "half_pixel"
            options["coordinate_transformation_mode"] = place
        return _resized(node, tape, input, output_size, scales or None, options)

    symbolic.__doc__ = f"Resize, {mode}."
    takes = ["Tensor input|self", "int[]? output_size"]
    takes += [] if nearest else ["bool align_corners"]
    takes += ["float[]? scale_factors|scales|scales_d|scales_h"]
    takes += ["float[]? more_scales|scales_w"] if axes > 1 else []
    takes += ["float? last_scale"] if axes > 2 else []
    aten(name, ", ".join(takes))(symbolic)


for _names, _mode, _axes in (
    ("upsample_nearest1d", "nearest", 1),
    ("upsample_nearest2d", "nearest", 2),
    ("upsample_nearest3d", "nearest", 3),
    ("upsample_linear1d", "linear", 1),
    ("upsample_bilinear2d", "linear", 2),
    ("upsample_trilinear3d", "linear", 3),
    ("upsample_bicubic2d", "cubic", 2),
):
    _register(_names, _mode, _axes)
for _axes in (1, 2, 3):
    _register(f"_upsample_nearest_exact{_axes}d", "nearest", _axes, exact=True)
_register("_upsample_bilinear2d_aa", "linear", 2, smooth=True)
_register("_upsample_bicubic2d_aa", "cubic", 2, smooth=True)
