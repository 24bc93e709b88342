"""Resize from 10 to 9, where it is called Upsample and makes nothing smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._resampling import resampled
from pyonnxtool.downgrade.adapters._resampling_at_run_time import resampled_at_run_time
from pyonnxtool.downgrade.adapters._resized_axes import OpenAxis, Resizing
from pyonnxtool.downgrade.adapters._sampling import Sampling
from pyonnxtool.rewriting.decision import Edit
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Resize", 10))
def resize(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: an Upsample, or weights and indices where something gets smaller."""
    scales, shape, mode = node.const("scales"), node.shape("X"), node.attr_str("mode")
    if mode not in ("nearest", "linear") or node.rank("scales") not in (1, None):
        return node.refuse(f"its mode is {mode!r}, or its scales are no list")
    if scales is None:
        return _at_run_time(node, tape)
    if (scales >= 1).all():
        return Edit(op_type="Upsample")
    if shape is None or len(shape) != scales.size or not (scales > 0).all():
        return node.refuse(f"{scales.size} scales do not fit, or are not above zero")
    axes = []
    for axis, (size, scale) in enumerate(zip(shape, scales.ravel().tolist(), strict=True)):
        resized = None if size is None else int(np.float32(size) * np.float32(scale))
        axes.append(OpenAxis(axis, axis, size, resized, scale))
    if mode == "nearest":
        return _nearest(node, tape, axes)
    return _resampled(node, tape, "floor", [one for one in axes if one.scale != 1])


def _nearest(node: NodeView, tape: Tape, axes: list[OpenAxis]) -> Decision:
    """First what gets smaller.

    onnxruntime and the tests of opset 10 round up where the scale is below 1; the text is silent.
    """
    made = _resampled(node, tape, "ceil", [one for one in axes if (one.scale or 1) < 1])
    larger = np.array([max(one.scale or 1, 1) for one in axes], np.float32)
    if isinstance(made, Refusal) or (larger == 1).all():
        return made
    return tape.op("Upsample", made, tape.const(larger), mode="nearest")


def _resampled(node: NodeView, tape: Tape, nearest: str, axes: list[OpenAxis]) -> str | Refusal:
    found = Resizing(Sampling(node.attr_str("mode"), "asymmetric", nearest), axes)
    if found.settled is not None:
        return resampled(node, tape, found.sampling, found.settled)
    return resampled_at_run_time(node, tape, found)


def _at_run_time(node: NodeView, tape: Tape) -> Decision:
    shape = node.shape("X")
    if shape is None or node.attr_str("mode") == "nearest":
        return node.refuse_dynamic("whether `scales` are 1 or more, as Upsample has them,")
    axes = [OpenAxis(axis, axis, size, None, None) for axis, size in enumerate(shape)]
    return _resampled(node, tape, "", axes)
