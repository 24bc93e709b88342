"""GatherElements. The reference takes tables of at most 31 rows, and indices of the same shape."""

from __future__ import annotations

import numpy as np
from onnx.reference.op_run import OpRun

from pyonnxtool.backends._fp64_ops import EXACT
from pyonnxtool.backends._fp64_ops._geometry import Array


@EXACT.add("GatherElements")
class GatherElements(OpRun):
    """Indices may be fewer than the data along the other axes."""

    def _run(self, data: Array, indices: Array, axis: int | None = None) -> tuple[Array]:
        places: list[Array] = list(np.ogrid[tuple(slice(0, size) for size in indices.shape)])
        places[axis or 0] = indices
        return (data[tuple(places)],)
