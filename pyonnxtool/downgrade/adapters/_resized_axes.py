"""What a Resize does to each axis, as far as that is known before the model runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pyonnxtool.downgrade.adapters._axes import from_front
from pyonnxtool.downgrade.adapters._sampling import PLACES, Axis, Sampling
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.node_view import NodeView

_MODES = ("nearest", "linear", "cubic")
_NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")

_Regions: TypeAlias = "list[tuple[float, float] | None]"


@dataclass(frozen=True)
class OpenAxis:
    """An axis that may change; sizes and scale are None where only the run tells them."""

    axis: int
    place: int
    """Of its number in `scales` or `sizes`."""
    size: int | None
    resized: int | None
    scale: float | None
    region: tuple[float, float] | None = (0.0, 1.0)
    """Start and end of the region of interest."""

    @property
    def settled(self) -> Axis | None:
        """The same, when all of it is known."""
        if self.size is None or self.resized is None or self.scale is None or self.region is None:
            return None
        return Axis(self.axis, self.size, self.resized, self.scale, *self.region)

    @property
    def whole_scale(self) -> int | None:
        """The scale, when it is known to be a whole number."""
        known = self.scale is not None and self.scale >= 1 and self.scale == int(self.scale)
        return int(self.scale) if known and self.scale is not None else None


@dataclass(frozen=True)
class Resizing:
    """A Resize: how it samples, and the axes that change, or may."""

    sampling: Sampling
    axes: list[OpenAxis]

    @property
    def settled(self) -> list[Axis] | None:
        """The axes, when all of them are known."""
        known = [one.settled for one in self.axes]
        return None if None in known else [one for one in known if one is not None]


def resizing_of(node: NodeView) -> Resizing | Refusal:
    """What a Resize of opset 11 or later does; axes that surely stay as they are are left out."""
    sampling = Sampling(
        node.attr_str("mode"),
        node.attr_str("coordinate_transformation_mode"),
        node.attr_str("nearest_mode"),
        node.attr_float("cubic_coeff_a"),
        bool(node.attr_int("exclude_outside")),
        bool(node.opset >= 18 and node.attr_int("antialias")),
    )
    rank = node.rank("X")
    why = _unheard_of(sampling)
    if why:
        return node.refuse(why)
    if rank is None:
        return node.refuse_dynamic("its rank")
    axes = listed_axes(node, rank)
    if isinstance(axes, Refusal):
        return axes
    found = _found(node, axes)
    return found if isinstance(found, Refusal) else Resizing(sampling, found)


def _unheard_of(sampling: Sampling) -> str:
    known = (
        (sampling.mode, _MODES),
        (sampling.coordinates, PLACES),
        (sampling.nearest, _NEAREST),
    )
    strange = [value for value, names in known if value not in names]
    if strange:
        return f"its mode {strange[0]!r} is none that ONNX knows"
    if sampling.exclude_outside and sampling.mode == "nearest":
        return "exclude_outside has no meaning for mode nearest"
    return ""


def listed_axes(node: NodeView, rank: int) -> list[int] | Refusal:
    """The axes that roi, scales and sizes are for, counted from the front."""
    listed = node.attr_ints("axes") if node.opset >= 18 else None
    axes = list(range(rank)) if listed is None else from_front(node, listed, rank)
    if isinstance(axes, Refusal) or len(set(axes)) == len(axes):
        return axes
    return node.refuse("an axis is listed twice")


def _found(node: NodeView, axes: list[int]) -> list[OpenAxis] | Refusal:
    regions = _regions(node, len(axes))
    if isinstance(regions, Refusal):
        return regions
    scales, sizes = node.const("scales"), node["sizes"]
    by_sizes = bool(sizes) and (not node["scales"] or node["scales"].static_shape == (0,))
    given = sizes.const if by_sizes else scales
    if given is not None and given.size != len(axes):
        return node.refuse(f"it has {given.size} scales or sizes for {len(axes)} axes")
    if node["sizes" if by_sizes else "scales"].static_shape not in (None, (len(axes),)):
        return node.refuse("its scales or sizes are not one for each axis")
    if given is not None and not all(np.isfinite(given) & (given > -by_sizes)):
        return node.refuse("a scale is not above zero")
    if by_sizes:
        found = _from_sizes(node, axes, regions)
    else:
        known = [None] * len(axes) if scales is None else scales.ravel().tolist()
        found = _from_scales(node, axes, known, regions)
    if isinstance(found, Refusal):
        return found
    changing = [one for one in found if not _stays(node, one)]
    doubt = next(filter(None, (_doubt(node, one) for one in changing)), "")
    return node.refuse(doubt) if doubt else changing


def _regions(node: NodeView, count: int) -> _Regions | Refusal:
    """Start and end of the region of interest on each of the listed axes; None: unknown.

    An axis of scale 1 is cropped like others, as the text and the tests of the onnx package say;
    onnxruntime leaves it alone.
    """
    crops = node.attr_str("coordinate_transformation_mode") == "tf_crop_and_resize"
    if not crops or not node["roi"] or node["roi"].static_shape == (0,):
        return [(0.0, 1.0)] * count
    roi = node.const("roi")
    if roi is None:
        return [None] * count
    if roi.size != 2 * count:
        return node.refuse(f"roi has {roi.size} numbers for {count} axes")
    flat = roi.ravel().tolist()
    return list(zip(flat[:count], flat[count:], strict=True))


def _from_scales(
    node: NodeView,
    axes: list[int],
    scales: Sequence[float | None],
    regions: _Regions,
) -> list[OpenAxis]:
    shape = node.shape("X")
    assert shape is not None
    found = []
    for at, axis in enumerate(axes):
        size, scale, resized = shape[axis], scales[at], None
        if size is not None and scale is not None:
            # float32, as shape inference has it: 1.4 of 5 are 7, though 1.4 is a bit less
            resized = int(np.float32(scale) * np.float32(size))
        found.append(OpenAxis(axis, at, size, resized, scale, regions[at]))
    return found


def _from_sizes(node: NodeView, axes: list[int], regions: _Regions) -> list[OpenAxis] | Refusal:
    shape, after = node.shape("X"), node.out().shape
    assert shape is not None
    wanted = node.const_ints("sizes")
    policy = policy_of(node)
    if policy != "stretch":
        return _keeping_aspect(node, axes, wanted, policy, regions)
    found = []
    for at, axis in enumerate(axes):
        size = shape[axis]
        resized = wanted[at] if wanted is not None else None if after is None else after[axis]
        scale = None if size is None or resized is None else _ratio(node, resized, size)
        if size == 0 and resized != 0:
            return node.refuse("an axis of no elements cannot be made larger")
        found.append(OpenAxis(axis, at, size, resized, scale, regions[at]))
    return found


def policy_of(node: NodeView) -> str:
    """What becomes of the aspect ratio, which has been a choice since 18."""
    return node.attr_str("keep_aspect_ratio_policy") if node.opset >= 18 else "stretch"


def _ratio(node: NodeView, resized: int, size: int) -> float:
    if size == 0:
        return 1.0
    if node.dtype("X") == "float64":
        return resized / size
    return float(np.float32(resized) / np.float32(size))


def _keeping_aspect(
    node: NodeView,
    axes: list[int],
    wanted: list[int] | None,
    policy: str,
    regions: _Regions,
) -> list[OpenAxis] | Refusal:
    """One scale for all axes, so that none is larger, or none smaller, than it is wanted."""
    if policy not in ("not_larger", "not_smaller"):
        return node.refuse(f"its policy {policy!r} is none that ONNX knows")
    shape = node.shape("X")
    assert shape is not None
    sizes = [size for axis in axes if (size := shape[axis]) is not None]
    if wanted is None or len(sizes) < len(axes):
        pairs = enumerate(axes)
        return [OpenAxis(axis, at, shape[axis], None, None, regions[at]) for at, axis in pairs]
    if not all(sizes):
        return node.refuse("an axis has no elements")
    choose = min if policy == "not_larger" else max
    scale = choose(_ratio(node, *pair) for pair in zip(wanted, sizes, strict=True))
    exact = choose(want / size for want, size in zip(wanted, sizes, strict=True))
    found = []
    for at, axis in enumerate(axes):
        resized = int(np.float32(scale) * np.float32(sizes[at]) + np.float32(0.5))
        if resized != int(exact * sizes[at] + 0.5):
            return node.refuse("the size that keeps its aspect ratio depends on how it is rounded")
        found.append(OpenAxis(axis, at, sizes[at], resized, scale, regions[at]))
    return found


def _stays(node: NodeView, axis: OpenAxis) -> bool:
    """Whether the axis comes out as it went in, for every model input."""
    if axis.region != (0.0, 1.0):
        return False
    if axis.scale is not None:
        return axis.scale == 1
    before, after = node["X"].dims, node.out().dims
    if before is None or after is None or not node["sizes"]:
        return False
    return before[axis.axis] is not None and before[axis.axis] == after[axis.axis]


def _doubt(node: NodeView, axis: OpenAxis) -> str:
    """Where onnxruntime and the reference evaluator take the axis for different things."""
    how = node.attr_str("coordinate_transformation_mode")
    if how not in ("align_corners", "tf_crop_and_resize"):
        return ""
    by_scale = node.has("scales") and node["scales"].static_shape != (0,)
    if axis.resized == 1 or axis.whole_scale is not None or _fits(axis):
        return ""
    if not by_scale and policy_of(node) == "stretch":
        return ""
    # The text divides by the size that comes out, which is what onnxruntime does; the tests of the
    # onnx package and its reference by the product of size and scale.
    size, scale = axis.size or "all", f"{axis.scale:g}" if axis.scale else "`scales`"
    return (
        f"{size} elements at scale {scale} need not be a whole number of elements, and runtimes "
        f"differ in what {how} makes of it; give it `sizes`"
    )


def _fits(axis: OpenAxis) -> bool:
    if axis.size is None or axis.scale is None or axis.resized is None:
        return False
    exact = np.float64(np.float32(axis.scale)) * axis.size
    return bool(abs(exact - axis.resized) <= 1e-5 * axis.size * max(1.0, axis.scale))
