"""BatchNormalization. The reference normalizes by the batch's own statistics below opset 14."""

from __future__ import annotations

import numpy as np
from onnx.reference.op_run import OpRun

from pyonnxtool.backends._fp64_ops import EXACT
from pyonnxtool.backends._fp64_ops._geometry import Array


@EXACT.add("BatchNormalization")
class BatchNormalization(OpRun):
    """By the statistics that are given, or in training mode by those of the batch."""

    def _run(
        self,
        x: Array,
        scale: Array,
        bias: Array,
        mean: Array,
        var: Array,
        epsilon: float = 1e-5,
        momentum: float = 0.9,
        training_mode: int = 0,
        spatial: int = 1,
    ) -> tuple[Array, ...]:
        if not training_mode:
            return (_normalized(x, scale, bias, mean, var, epsilon, spatial),)
        axes = tuple(axis for axis in range(x.ndim) if axis != 1)
        batch_mean, batch_var = x.mean(axis=axes), x.var(axis=axes)
        return (
            _normalized(x, scale, bias, batch_mean, batch_var, epsilon, 1),
            mean * momentum + batch_mean * (1 - momentum),
            var * momentum + batch_var * (1 - momentum),
        )


def _normalized(
    x: Array, scale: Array, bias: Array, mean: Array, var: Array, epsilon: float, spatial: int
) -> Array:
    shape = (1, -1, *(1,) * (x.ndim - 2)) if spatial else (1, *x.shape[1:])
    scale, bias, mean, var = (part.reshape(shape) for part in (scale, bias, mean, var))
    y: Array = (x - mean) / np.sqrt(var + epsilon) * scale + bias
    return y
