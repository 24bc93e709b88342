"""Resize from 10 to 9, where it is called Upsample and makes nothing smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._resampling import resampled
from pyonnxtool.downgrade.adapters._sampling import Axis, Sampling
from pyonnxtool.rewrite.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.tape import Tape


@ADAPTERS.add(("Resize", 10))
def resize(node: NodeView, tape: Tape) -> Decision:
    """10 -> 9: an Upsample, or weights and indices where something gets smaller."""
    scales = node.const("scales")
    if scales is None:
        return node.refuse_dynamic("whether `scales` are 1 or more, as Upsample has them,")
    if (scales >= 1).all():
        return Edit(op_type="Upsample")
    shape = node.shape("X")
    if shape is None or len(shape) != scales.size:
        return node.refuse_dynamic("what size it has")
    axes = []
    for axis, (size, scale) in enumerate(zip(shape, scales.ravel().tolist(), strict=True)):
        if scale == 1:
            continue
        if size is None:
            return node.refuse_dynamic("what size it has")
        resized = int(np.float32(size) * np.float32(scale))
        axes.append(Axis(axis, size, resized, scale))
    mode = node.attr_str("mode")
    # onnxruntime and the tests of opset 10 round up where the scale is below 1; the text is silent.
    smaller = [one for one in axes if one.scale < 1]
    if mode == "nearest" and len(smaller) < len(axes):
        return node.refuse("it makes one axis smaller and another larger")
    return resampled(node, tape, Sampling(mode, "asymmetric", "ceil"), axes)
