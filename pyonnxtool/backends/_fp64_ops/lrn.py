"""LRN. The reference sums over as many channels as there are samples in the batch."""

from __future__ import annotations

import numpy as np
from onnx.reference.op_run import OpRun

from pyonnxtool.backends._fp64_ops import EXACT
from pyonnxtool.backends._fp64_ops._geometry import Array


@EXACT.add("LRN")
class LRN(OpRun):
    """Local response normalization over neighbouring channels, at any rank."""

    def _run(
        self,
        x: Array,
        alpha: float = 0.0001,
        beta: float = 0.75,
        bias: float = 1.0,
        size: int = 1,
    ) -> tuple[Array]:
        before = (size - 1) // 2
        around = [(0, 0)] * x.ndim
        around[1] = (before, size - 1 - before)
        squares = np.pad(x**2, around)
        total = sum(squares[:, at : at + x.shape[1]] for at in range(size))
        return (x / (bias + alpha / size * total) ** beta,)
