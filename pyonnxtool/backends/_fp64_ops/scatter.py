"""Scatter, the name that ScatterElements had before opset 11."""

from __future__ import annotations

from typing import Any

from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_scatter_elements import scatter_elements

from pyonnxtool.backends._fp64_ops import EXACT

_scatter: Any = scatter_elements


@EXACT.add("Scatter")
class Scatter(OpRun):
    """No reduction."""

    def _run(self, data: Any, indices: Any, updates: Any, axis: int | None = None) -> tuple[Any]:
        return (_scatter(data, indices, updates, axis=axis or 0, reduction=None),)
