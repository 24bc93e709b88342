"""HannWindow, HammingWindow and BlackmanWindow from 17 to 16: they are new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import helper

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._fourier import scalar
from pyonnxtool.downgrade.function_body import expanded
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_HAMMING = 25 / 46
_WEIGHTS = {
    "HannWindow": (0.5, -0.5),
    "HammingWindow": (_HAMMING, _HAMMING - 1),
    "BlackmanWindow": (0.42, -0.5, 0.08),
}
"""Of the cosines of no, one and two turns over the window."""


def _window(node: NodeView, tape: Tape) -> Decision:
    """17 -> 16: becomes a constant, or the arithmetic for a size that is not known."""
    size = scalar(node, "size")
    if size is None:
        return expanded(node, tape)
    turn = size if node.attr_int("periodic") else size - 1
    angles = 2 * np.pi * np.arange(max(size, 0)) / max(turn, 1)
    weights = enumerate(_WEIGHTS[node.op_type])
    values = sum((weight * np.cos(k * angles) for k, weight in weights), np.zeros(len(angles)))
    dtype = node.attr_int("output_datatype")
    if dtype in (elem_type("float16"), elem_type("float32"), elem_type("float64")):
        return tape.const(values.astype(helper.tensor_dtype_to_np_dtype(dtype)))
    return tape.op("Cast", tape.const(values, "float32"), to=dtype)


for _op in _WEIGHTS:
    ADAPTERS.add((_op, 17))(_window)
