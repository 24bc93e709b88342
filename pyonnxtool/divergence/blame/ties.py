"""Indices that differ because the elements they point at are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pyonnxtool._core import Node
    from pyonnxtool.divergence.compare import Array

_DEFAULT_AXIS = {"ArgMax": 0, "ArgMin": 0, "TopK": -1}


def is_tie(node: Node, data: Array, ours: Array, theirs: Array) -> bool:
    """True when both index tensors of an ArgMax, ArgMin or TopK pick equal elements of `data`.

    ONNX leaves open which of equal elements is taken (TopK: the lower index, since opset 11, but
    not every runtime does).
    """
    if node.op_type not in _DEFAULT_AXIS or ours.shape != theirs.shape:
        return False
    given = node.attributes.get("axis", _DEFAULT_AXIS[node.op_type])
    axis = given if isinstance(given, int) else _DEFAULT_AXIS[node.op_type]
    if ours.ndim == data.ndim - 1:  # keepdims=0
        ours, theirs = np.expand_dims(ours, axis), np.expand_dims(theirs, axis)
    try:
        first = np.take_along_axis(data, ours, axis)
        second = np.take_along_axis(data, theirs, axis)
    except (ValueError, IndexError, np.exceptions.AxisError):
        return False
    return bool(np.array_equal(first, second))
