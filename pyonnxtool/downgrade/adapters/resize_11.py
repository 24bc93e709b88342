"""Resize from 11 to 10, where it has scales, takes places as x / scale, and rounds them down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._deconvolution import deconvolved
from pyonnxtool.downgrade.adapters._resampling import resampled
from pyonnxtool.downgrade.adapters._resampling_at_run_time import resampled_at_run_time
from pyonnxtool.downgrade.adapters._resized_axes import Resizing, resizing_of
from pyonnxtool.downgrade.adapters._sampling import coordinates, nearest
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.downgrade.adapters._resized_axes import OpenAxis
    from pyonnxtool.downgrade.adapters._sampling import Axis, Sampling
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Resize", 11))
def resize(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: sizes, coordinates and rounding as Resize-10 has them, or as weights and indices.

    Nearest elements are gathered, weights of known sizes are multiplied.
    """
    found = resizing_of(node)
    if isinstance(found, Refusal):
        return found
    if not found.axes:
        return str(node["X"])
    if _is_plain(found, node.rank("X") or 0):
        scales = np.ones(node.rank("X") or 0, np.float32)
        for axis in found.axes:
            scales[axis.axis] = axis.scale
        return tape.op("Resize", node["X"], tape.const(scales), mode=found.sampling.mode)
    if found.settled is not None:
        return resampled(node, tape, found.sampling, found.settled)
    enlarged = deconvolved(node, tape, found)
    return enlarged if enlarged is not None else resampled_at_run_time(node, tape, found)


def _is_plain(found: Resizing, rank: int) -> bool:
    """Whether Resize-10 does the same, given the scales."""
    if found.sampling.mode == "nearest":
        return all(_repeats(found.sampling, one) for one in found.axes)
    if (found.sampling.mode, found.sampling.coordinates) != ("linear", "asymmetric"):
        return False
    changed = {one.axis for one in found.axes}
    runs = (
        rank in (2, 3) or (rank in (4, 5) and min(changed) > 1) or (rank == 4 and changed <= {1, 2})
    )
    foreign = found.settled is not None and not runs  # onnxruntime has no other linear Resize
    return not foreign and all(one.scale is not None and _size_kept(one) for one in found.axes)


def _size_kept(axis: OpenAxis) -> bool:
    if axis.size is None:
        return True
    return axis.resized == int(np.float32(axis.scale) * np.float32(axis.size))


def _repeats(sampling: Sampling, axis: OpenAxis) -> bool:
    """Whether the axis has each element a number of times.

    Elsewhere Resize-10 is not used: its text does not say how it rounds, and onnxruntime rounds up
    where the scale is below 1.
    """
    times = axis.whole_scale
    if times is None:
        return False
    how = sampling.coordinates, sampling.nearest
    if how in (("asymmetric", "floor"), ("tf_half_pixel_for_nn", "floor")):
        return True
    if how[0] in ("half_pixel", "pytorch_half_pixel") and how[1].startswith("round"):
        return True  # (x + 0.5) / times - 0.5 is less than a half from x // times
    known = axis.settled
    return known is not None and not sampling.crops and _are_repeats(sampling, known)


def _are_repeats(sampling: Sampling, axis: Axis) -> bool:
    places = coordinates(sampling.coordinates, axis, np.float32)
    index = nearest(sampling.nearest, places, axis.size)
    return np.array_equal(index, np.arange(axis.resized) // int(axis.scale))
