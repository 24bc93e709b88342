"""Tensors whose channels onnxruntime has put into blocks of 8 or 16: N, C / block, H, W, block.

Their shapes are declared as N, C, H, W, with C a multiple of the block. All that works on them does
the same with channels as they were, so only weights are turned back, and what enters is padded.
"""

from __future__ import annotations

import platform
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WIDE = 16
_NARROW = 8


@cache
def block_here() -> int:
    """What onnxruntime takes on this processor, and with it what a file means here."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        return _WIDE
    found = np.show_config(mode="dicts").get("SIMD Extensions", {})
    there = [*found.get("baseline", ()), *found.get("found", ())]
    return _WIDE if any(one.startswith(("AVX512", "X86_V4")) for one in there) else _NARROW


def turned_back(blocked: NDArray[Any], group: int, block: int) -> NDArray[Any]:
    """Weights of a convolution as output channel, input channel, kernel.

    Output channels are in blocks, which are innermost. So are those of the input, unless there are
    fewer than a block of them, or one for each output.
    """
    out, inner, *kernel = blocked.shape
    if inner < block and (group == 1 or inner == 1):
        parts = blocked.reshape(out // block, inner, *kernel, block)
        return np.moveaxis(parts, -1, 1).reshape(blocked.shape)
    parts = blocked.reshape(out // block, inner // block, *kernel, block, block)
    return np.moveaxis(parts, (-1, -2), (1, 3)).reshape(blocked.shape)
