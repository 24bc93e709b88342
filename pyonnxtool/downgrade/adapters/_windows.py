"""Sliding windows of pools: where they lie, and the same windows without ceil_mode."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting import Refusal
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

MOST = 2**24
"""Elements of a constant that is made of windows; models that need more are none of this world."""


@dataclass(frozen=True)
class Windows:
    """Those along one spatial axis."""

    size: int | None
    """Of the axis; None: it is no number."""
    kernel: int
    stride: int
    dilation: int
    begin: int
    end: int
    ceil: bool

    @property
    def extent(self) -> int:
        """From the first element of a window to its last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def may_start_outside(self) -> bool:
        """Whether sizes exist for which ceil_mode adds a window that starts in the padding."""
        return self.ceil and self.stride + self.end > self.extent

    @property
    def count(self) -> int | None:
        """How many there are, without those that would start in the padding at the end."""
        if self.size is None:
            return None
        over = self.size + self.begin + self.end - self.extent
        if not self.ceil:
            return over // self.stride + 1
        found = -(-over // self.stride) + 1
        return found - ((found - 1) * self.stride >= self.size + self.begin)

    @property
    def covered(self) -> int | None:
        """Padding at the end, up to where the last window ends; may be negative."""
        if self.size is None or self.count is None:
            return None
        return (self.count - 1) * self.stride + self.extent - self.size - self.begin

    @property
    def table(self) -> int:
        """How many elements all windows have together; 0 when that is not known."""
        return max(0, self.count or 0) * self.kernel

    @property
    def end_of_floor(self) -> int | None:
        """Padding at the end that gives as many windows without ceil_mode, whatever the size.

        None where it depends on a size that is not known.
        """
        if not self.ceil:
            return self.end
        if self.covered is not None:
            return max(0, self.covered)
        return None if self.may_start_outside else self.end + self.stride - 1

    def taps(self, with_padding: bool) -> NDArray[np.int64]:
        """How many elements each window has, those in the padding counted or not.

        What ceil_mode adds beyond the padding is never counted. Pre: the size is known.
        """
        assert self.size is not None and self.count is not None
        first = np.arange(self.count)[:, None] * self.stride
        at = first + np.arange(self.kernel) * self.dilation - self.begin
        low, high = (-self.begin, self.size + self.end) if with_padding else (0, self.size)
        counted: NDArray[np.int64] = ((at >= low) & (at < high)).sum(1)
        return counted


def is_plain(node: NodeView) -> bool:
    """Whether ceil_mode and dilations of a pool have no effect."""
    rounds_up = node.attr_int("ceil_mode", 0) and not node.attr_str("auto_pad").startswith("SAME")
    kernel, dilations = node.attr_ints("kernel_shape") or [], _known(node, "dilations") or []
    gaps = [size > 1 and gap > 1 for size, gap in zip(kernel, dilations, strict=False)]
    return not rounds_up and not any(gaps)


def windows_of(node: NodeView) -> list[Windows] | Refusal:
    """Those of a pool along each spatial axis."""
    kernel = node.attr_ints("kernel_shape")
    if not kernel:
        return node.refuse("it has no kernel_shape")
    rank = len(kernel)
    strides = node.attr_ints("strides") or [1] * rank
    dilations = _known(node, "dilations") or [1] * rank
    pads = node.attr_ints("pads") or [0] * 2 * rank
    shape = node.arg(0).shape
    sizes: list[int | None] = [None] * rank if shape is None else list(shape[2:])
    if not len(strides) == len(dilations) == len(sizes) == len(pads) // 2 == rank:
        return node.refuse("kernel_shape, strides, pads and dilations are not of one length")
    least, most = min(*kernel, *strides, *dilations), max(*kernel, *strides, *dilations, *pads)
    if least < 1 or min(pads) < 0 or max(most, math.prod(kernel)) > MOST:
        return node.refuse("kernel_shape, strides, pads or dilations are out of range")
    ceil = "ceil_mode" in node.schema.attributes and bool(node.attr_int("ceil_mode"))
    found = [
        Windows(sizes[at], kernel[at], strides[at], dilations[at], pads[at], pads[rank + at], ceil)
        for at in range(rank)
    ]
    auto_pad = node.attr_str("auto_pad", "NOTSET")
    if not auto_pad.startswith("SAME"):
        return [replace(one, begin=0, end=0) for one in found] if auto_pad == "VALID" else found
    totals = [_same(one) for one in found]
    if None in totals:
        return node.refuse_dynamic(f"the padding that {auto_pad} gives")
    less = [(one or 0) // 2 for one in totals]
    more = [(one or 0) - half for one, half in zip(totals, less, strict=True)]
    begins, ends = (less, more) if auto_pad == "SAME_UPPER" else (more, less)
    return [
        replace(one, begin=begin, end=end, ceil=False)
        for one, begin, end in zip(found, begins, ends, strict=True)
    ]


def _known(node: NodeView, name: str) -> list[int] | None:
    """Integers of an attribute that the operator has in the node's opset."""
    return node.attr_ints(name) if name in node.schema.attributes else None


def _same(axis: Windows) -> int | None:
    """All padding that SAME_* gives an axis; None where that depends on its size."""
    if axis.stride == 1:
        return axis.extent - 1
    if axis.size is None:
        return None
    count = -(-axis.size // axis.stride)
    return max(0, (count - 1) * axis.stride + axis.extent - axis.size)


def padded(x: Operand, begins: list[int], ends: list[int], value: float, tape: Tape) -> str:
    """Floats with this value around their spatial axes."""
    if not any([*begins, *ends]):
        return x
    pads = [0, 0, *begins, 0, 0, *ends]
    if tape.opset < 11:
        return tape.op("Pad", x, pads=pads, value=value)
    return tape.op("Pad", x, tape.ints(pads), tape.const(value, x.dtype or "float32"))


def floor_ends(node: NodeView, axes: list[Windows]) -> list[int] | Refusal:
    """Padding at the ends that gives the same windows without ceil_mode."""
    ends = [one.end_of_floor for one in axes]
    if None in ends:
        return node.refuse_dynamic("whether the last window starts in the padding")
    return [one for one in ends if one is not None]


def windows_and_ends(node: NodeView) -> tuple[list[Windows], list[int]] | Refusal:
    """What `windows_of` and `floor_ends` tell, or why either cannot."""
    axes = windows_of(node)
    if not isinstance(axes, list):
        return axes
    ends = floor_ends(node, axes)
    return (axes, ends) if isinstance(ends, list) else ends


def in_floor(node: NodeView, axes: list[Windows], ends: list[int], tape: Tape, *drop: str) -> Edit:
    """The pool without ceil_mode (and what else is to be dropped), with this padding at the ends.

    Padding that ceil_mode did not count is not counted either.
    """
    begins = [one.begin for one in axes]
    given = [one.end for one in axes]
    x: str = node.arg(0)
    attributes: dict[str, int | list[int]] = {"pads": begins + ends}
    beyond = [max(0, end - old) for end, old in zip(ends, given, strict=True)]
    if node.attr("count_include_pad", 0) and any(beyond):  # what counts becomes part of the tensor
        kept = [min(*both) for both in zip(ends, given, strict=True)]
        x = padded(node.arg(0), begins, kept, 0.0, tape)
        attributes |= {"pads": [0] * len(axes) + beyond, "count_include_pad": 0}
    return Edit(drop=["auto_pad", "ceil_mode", *drop], attributes=attributes, inputs=[x])
