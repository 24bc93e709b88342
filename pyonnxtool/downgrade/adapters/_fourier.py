"""The discrete Fourier transform as a matrix over numbers and their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.node_view import NodeView

COMPLEX = 2
"""Parts of a complex number, the real one first; a real number has one."""


def bins_of(length: int, inverse: bool, onesided: bool) -> int:
    """How many numbers a transform of this length gives."""
    return length // 2 + 1 if onesided and not inverse else length


def matrix(
    given: int, parts: int, length: int, *, inverse: bool = False, onesided: bool = False
) -> NDArray[np.float64]:
    """[given, parts, bins, parts of the result]: contract the first two with the numbers.

    `given` numbers are the first ones of `length`, or of the unique ones for the inverse of a
    onesided transform; the others are zero. That inverse gives real numbers.
    """
    bins = bins_of(length, inverse, onesided)
    turns = np.outer(np.arange(given), np.arange(bins)) % max(length, 1)
    angles = 2 * np.pi * turns / max(length, 1)
    cos, sin = np.cos(angles), np.sin(angles) * (1 if inverse else -1)
    for quarter, (real, imaginary) in enumerate([(1, 0), (0, 1), (-1, 0), (0, -1)]):
        there = 4 * turns == quarter * length
        cos[there], sin[there] = real, imaginary * (1 if inverse else -1)
    # (a + bi)(cos + i sin) = (a cos - b sin) + i (a sin + b cos)
    whole = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], 1)
    if inverse:
        whole /= max(length, 1)
    if inverse and onesided:
        twice = np.full(given, 2.0)  # the other one of each pair is not given
        twice[:1] = 1
        if length % 2 == 0:
            twice[length // 2 :] = 1
        whole = whole[..., :1] * twice[:, None, None, None]
    made: NDArray[np.float64] = whole[:, :parts] + 0.0  # no -0
    return made


def scalar(node: NodeView, name: str) -> int | None:
    """The only element of a constant operand; None when it is not known, or not the only one."""
    known: NDArray[Any] | None = node.const(name)
    return int(known.reshape(-1)[0]) if known is not None and known.size == 1 else None


def computed_in(dtype: str) -> str:
    """Where sums are made: narrow floats are rounded once, at the end."""
    return dtype if dtype == "float64" else "float32"
