"""Linear enlarging by a whole number where sizes are not known: a ConvTranspose of each channel.

Where sizes are known, products with constant weights take less time.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.downgrade.adapters._resized_axes import Resizing
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_LARGEST = 32
"""Of a kernel of 64 by 64 nothing is gained."""


def deconvolved(node: NodeView, tape: Tape, found: Resizing) -> str | None:
    """The enlarged value; None where it is another Resize."""
    dims, sampling = node.shape("X"), found.sampling
    channels = dims[1] if dims is not None and len(dims) in (3, 4, 5) else None
    times = {one.axis: one.whole_scale for one in found.axes}
    whole = all(axis > 1 and time and time <= _LARGEST for axis, time in times.items())
    places = sampling.coordinates in ("half_pixel", "pytorch_half_pixel")
    known = node.dtype("X") in ("float32", "float16")
    if not (channels and dims and whole and places and known and sampling.mode == "linear"):
        return None
    factors = [times.get(axis) or 1 for axis in range(2, len(dims))]
    value = str(node["X"]) if node.dtype("X") == "float32" else tape.cast(node["X"], "float32")
    rim = [0, 0, *(int(factor > 1) for factor in factors)]
    edged = tape.op("Pad", value, mode="edge", pads=rim * 2)
    kernel = reduce(np.multiply.outer, map(_triangle, factors))
    cut = [
        (factor + kernel.shape[at]) // 2 if factor > 1 else 0 for at, factor in enumerate(factors)
    ]
    made = tape.op(
        "ConvTranspose",
        edged,
        tape.const(np.tile(kernel, (channels, 1) + (1,) * len(factors)), "float32"),
        group=channels,
        strides=factors,
        pads=cut * 2,
    )
    return made if node.dtype("X") == "float32" else tape.cast(made, "float16")


def _triangle(factor: int) -> NDArray[np.float64]:
    """What an element gives to those that come out around it, which are 1/factor apart."""
    taps = 2 * factor - factor % 2
    return np.asarray(1 - np.abs(np.arange(taps) - (taps - 1) / 2) / factor)
