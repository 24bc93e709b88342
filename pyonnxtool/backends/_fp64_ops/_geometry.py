"""Where a sliding window lies: output sizes, padding, and the input as each tap sees it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Window:
    """One entry per spatial dimension everywhere."""

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    heads: tuple[int, ...]
    tails: tuple[int, ...]
    out: tuple[int, ...]

    @property
    def rank(self) -> int:
        """The number of spatial dimensions."""
        return len(self.sizes)

    def padded(self, x: Array, fill: float) -> Array:
        """`x` with `fill` around it, as far as the last window reaches."""
        pads = [(0, 0), (0, 0)]
        for axis, size in enumerate(self.sizes):
            reach = (self.out[axis] - 1) * self.strides[axis] + _extent(self, axis)
            pads.append((self.heads[axis], max(reach - size - self.heads[axis], 0)))
        return np.pad(x, pads, constant_values=fill)

    def taps(self, padded: Array) -> Iterator[tuple[tuple[int, ...], Array]]:
        """Each place in the kernel, and the view of the input that it meets: (N, C, *out)."""
        for place in itertools.product(*map(range, self.kernel)):
            cut = []
            for axis, at in enumerate(place):
                start, step = at * self.dilations[axis], self.strides[axis]
                cut.append(slice(start, start + (self.out[axis] - 1) * step + 1, step))
            yield place, padded[last(cut)]


def window(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int] | None,
    dilations: Sequence[int] | None,
    pads: Sequence[int] | None,
    auto_pad: str | None,
    ceil_mode: int | None = 0,
) -> Window:
    """From the attributes of Conv and of the pools, as the specification computes it."""
    rank = len(sizes)
    steps = tuple(strides or [1] * rank)
    spread = tuple(dilations or [1] * rank)
    reach = [(kernel[i] - 1) * spread[i] + 1 for i in range(rank)]
    heads, tails, out = [0] * rank, [0] * rank, [0] * rank
    for i in range(rank):
        if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            out[i] = -(-sizes[i] // steps[i])
            total = max((out[i] - 1) * steps[i] + reach[i] - sizes[i], 0)
            heads[i] = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
            tails[i] = total - heads[i]
            continue
        if auto_pad != "VALID" and pads:
            heads[i], tails[i] = pads[i], pads[i + rank]
        room = sizes[i] + heads[i] + tails[i] - reach[i]
        out[i] = (-(-room // steps[i]) if ceil_mode else room // steps[i]) + 1
        # The last window must start inside the input or the padding before it.
        if ceil_mode and (out[i] - 1) * steps[i] >= sizes[i] + heads[i]:
            out[i] -= 1
    return Window(
        tuple(sizes), tuple(kernel), steps, spread, tuple(heads), tuple(tails), tuple(out)
    )


def last(places: Iterable[Any]) -> Any:
    """An index of the last dimensions."""
    return (..., *places)


def _extent(one: Window, axis: int) -> int:
    return (one.kernel[axis] - 1) * one.dilations[axis] + 1
