"""Sums of sliding windows, and how many elements each of them has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._windows import MOST

if TYPE_CHECKING:
    from pyonnxtool.downgrade.adapters._windows import Windows
    from pyonnxtool.rewriting import Refusal
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


def summed(
    node: NodeView, axes: list[Windows], x: str, ends: list[int], dtype: str, tape: Tape
) -> str | Refusal:
    """The sum of each window of x, as a convolution of each channel with ones."""
    shape = node.arg(0).shape
    channels = None if shape is None else shape[1]
    if (channels or 1) * math.prod(one.kernel for one in axes) > MOST:
        return node.refuse("its windows are of absurd size")
    pads = [one.begin for one in axes] + ends
    if channels is not None:
        return _convolved(axes, x, channels, pads, dtype, tape)
    counted = tape.op("Shape", x)  # one channel, and as many images as there are channels
    images, places = part(counted, 0, 2, tape), part(counted, 2, None, tape)
    flat = tape.op("Reshape", x, tape.op("Concat", tape.ints([-1, 1]), places, axis=0))
    total = _convolved(axes, flat, 1, pads, dtype, tape)
    places = part(tape.op("Shape", total), 2, None, tape)
    return tape.op("Reshape", total, tape.op("Concat", images, places, axis=0))


def _convolved(
    axes: list[Windows], x: str, channels: int, pads: list[int], dtype: str, tape: Tape
) -> str:
    kernel = [one.kernel for one in axes]
    return tape.op(
        "Conv",
        x,
        tape.const(np.ones((channels, 1, *kernel), dtype)),
        group=channels,
        kernel_shape=kernel,
        strides=[one.stride for one in axes],
        dilations=[one.dilation for one in axes],
        pads=pads,
    )


def counted(
    axes: list[Windows], x: str, ends: list[int], padding: bool, dtype: str, tape: Tape
) -> str:
    """How many elements each window has, by a convolution of ones; for sizes not known."""
    sizes = part(tape.op("Shape", x), 2, None, tape)
    begins = [one.begin for one in axes]
    if padding:  # what counts is part of the tensor
        kept = [min(one.end, end) for one, end in zip(axes, ends, strict=True)]
        more = [begin + end for begin, end in zip(begins, kept, strict=True)]
        sizes = tape.op("Add", sizes, tape.ints(more))
        begins = [0] * len(axes)
        ends = [end - one for end, one in zip(ends, kept, strict=True)]
    shape = tape.op("Concat", tape.ints([1, 1]), sizes, axis=0)
    ones = tape.op("ConstantOfShape", shape, value=np.ones(1, dtype))
    return _convolved(axes, ones, 1, begins + ends, dtype, tape)


def part(shape: str, start: int, end: int | None, tape: Tape) -> str:
    """Some sizes of a shape. Pre: the tape is for an opset from 10 on."""
    return tape.op("Slice", shape, tape.ints([start]), tape.ints([2**31 if end is None else end]))
