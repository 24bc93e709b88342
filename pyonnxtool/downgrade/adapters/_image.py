"""Elements of an image, taken at places that are no whole numbers and that the run tells.

An image is [N, C, d1, ..., dr]. Places are [N, ..., r] and count its elements from 0, the innermost
axis first; what is sampled is [N, ..., C]. It is done by one Gather of rows of C elements, which is
fast and in every opset. Zeros around an image are a rim that it gets, so that nothing is masked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters._axes import total, unsqueezed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pyonnxtool.rewriting.tape import Tape


class Image:
    """A tensor whose elements are sampled; sizes are None where only the run tells them."""

    def __init__(
        self, tape: Tape, value: str, shape: Sequence[int | None], dtype: str, *, rim: bool
    ) -> None:
        """`dtype` is that of places and weights; `rim`: whether zeros are around the image."""
        self.tape, self.value, self.dtype, self.rim = tape, value, dtype, rim
        self.axes = len(shape) - 2
        self._batch = shape[0]
        self._known = [size for size in shape[:1:-1] if size is not None]
        self._run_shape = ""

    @property
    def _settled(self) -> bool:
        return len(self._known) == self.axes

    def numbers(self, value: ArrayLike) -> str:
        """Constants for arithmetic with places."""
        return self.tape.const(np.array(value), self.dtype)

    def sizes(self, more: float = 0.0, *, column: bool = False) -> str:
        """The size of each axis, and `more`, innermost first: [r], or [r, 1]."""
        if self._settled:
            made = np.array(self._known, np.float64) + more
            return self.numbers(made[:, None] if column else made)
        made_at_run_time = self.tape.cast(self._whole_sizes(), self.dtype)
        if column:
            made_at_run_time = unsqueezed(self.tape, made_at_run_time, [1])
        return self.tape.op("Add", made_at_run_time, self.numbers(more))

    def nearest(self, places: str, rank: int) -> str:
        """The elements at places that are whole, and within the image or its rim."""
        steps = self.tape.op("Mul", self.tape.cast(places, "int64"), self._strides())
        index = self.tape.op("Add", total(self.tape, steps, rank - 1), self._first(rank - 1))
        return self.tape.op("Gather", self._rows(), index, axis=0)

    def weighed(self, taps: str, weights: str, rank: int) -> str:
        """Sums of the elements at every crossing of taps: [..., r, taps], as the weights are.

        `rank` is that of the places. Taps are whole, and within the image or its rim.
        """
        tape, around = self.tape, range(rank - 1, rank - 1 + self.axes)
        steps = tape.op("Mul", tape.cast(taps, "int64"), self._strides(column=True))
        index = self._crossed("Add", steps, rank)
        index = tape.op("Add", index, self._first(rank - 1 + self.axes))
        rows = tape.op("Gather", self._rows(), index, axis=0)
        crossed = unsqueezed(tape, self._crossed("Mul", weights, rank), [rank - 1 + self.axes])
        return summed(tape, tape.op("Mul", rows, crossed), list(around))

    def rows_at(self, steps: Sequence[str], images: str) -> str:
        """The rows at whole steps along each axis, innermost first, in these images."""
        index = self.tape.op("Mul", images, self._extent(self.axes))
        for axis, step in enumerate(steps):
            whole = self.tape.cast(step, "int64")
            moved = self.tape.op("Mul", whole, self._extent(axis)) if axis else whole
            index = self.tape.op("Add", index, moved)
        return self.tape.op("Gather", self._rows(), index, axis=0)

    def size(self, axis: int, more: float = 0.0) -> str:
        """The size of one axis, counted from the innermost, and `more`: [1]."""
        if self._settled:
            return self.numbers([self._known[axis] + more])
        return self.tape.op("Gather", self.sizes(more), self.tape.ints([axis]), axis=0)

    def _extent(self, axis: int) -> str:
        if self._settled:
            return self.tape.ints([self._extents()[axis]])
        return self.tape.op("Gather", self._run_extents(), self.tape.ints([axis]), axis=0)

    def _crossed(self, op_type: str, columns: str, rank: int) -> str:
        """What each axis has at each tap, combined for every crossing: [..., taps, taps]."""
        made = ""
        for axis in range(self.axes):
            one = self.tape.op("Gather", columns, self.tape.const(axis, "int64"), axis=rank - 1)
            spread = [at for at in range(self.axes) if at != self.axes - 1 - axis]
            if spread:
                one = unsqueezed(self.tape, one, [rank - 1 + at for at in spread])
            made = self.tape.op(op_type, made, one) if made else one
        return made

    def _whole_sizes(self) -> str:
        if not self._run_shape:
            self._run_shape = self.tape.op("Shape", self.value)
        inner = self.tape.ints(range(self.axes + 1, 1, -1))
        return self.tape.op("Gather", self._run_shape, inner, axis=0)

    def _rows(self) -> str:
        tape, value = self.tape, self.value
        if self.rim:
            value = tape.op("Pad", value, tape.ints([0, 0, *[1] * self.axes] * 2))
        last = [0, *range(2, self.axes + 2), 1]
        return tape.op("Flatten", tape.op("Transpose", value, perm=last), axis=self.axes + 1)

    def _extents(self) -> list[int]:
        """How many rows a step along each axis is, and how many an image has. Pre: settled."""
        sizes = [size + 2 * self.rim for size in self._known]
        return [int(one) for one in np.cumprod([1, *sizes])]

    def _run_extents(self) -> str:
        """The same as [r + 1], at run time."""
        tape, sizes = self.tape, self._whole_sizes()
        if self.rim:
            sizes = tape.op("Add", sizes, tape.ints([2]))
        parts = [tape.ints([1])]
        for axis in range(self.axes):
            size = tape.op("Gather", sizes, tape.ints([axis]), axis=0)
            parts.append(tape.op("Mul", parts[-1], size) if axis else size)
        return tape.op("Concat", *parts, axis=0)

    def _strides(self, *, column: bool = False) -> str:
        inner: ArrayLike = self._extents()[:-1] if self._settled else range(self.axes)
        strides = np.array(inner, np.int64)
        made = self.tape.const(strides[:, None] if column else strides)
        return made if self._settled else self.tape.op("Gather", self._run_extents(), made, axis=0)

    def _first(self, rank: int) -> str:
        """The row of the first element of each image, [N, 1, ...] of this rank."""
        tape, ones = self.tape, [1] * (rank - 1)
        if self._settled and self._batch is not None:
            *strides, count = self._extents()
            first = np.arange(self._batch) * count + self.rim * sum(strides)
            return tape.const(first.reshape(-1, *ones), "int64")
        extents = self._run_extents()
        whole = tape.op("Gather", extents, tape.ints([self.axes]), axis=0)
        first_of = tape.op("Mul", self._counted(), whole)
        if self.rim:
            corner = total(tape, self._strides(), 0)
            first_of = tape.op("Add", first_of, corner)
        return tape.op("Reshape", first_of, tape.ints([-1, *ones]))

    def _counted(self) -> str:
        if self._batch is not None:
            return self.tape.ints(range(self._batch))
        shape = self._run_shape or self.tape.op("Shape", self.value)
        batch = self.tape.op("Gather", shape, self.tape.const(0, "int64"), axis=0)
        zero, one = self.tape.const(0, "int64"), self.tape.const(1, "int64")
        return self.tape.op("Range", zero, batch, one)


def summed(tape: Tape, value: str, axes: list[int]) -> str:
    """ReduceSum over axes, which go."""
    if tape.opset >= 13:
        return tape.op("ReduceSum", value, tape.ints(axes), keepdims=0)
    return tape.op("ReduceSum", value, axes=axes, keepdims=0)


def within(tape: Tape, value: str, low: str, high: str) -> str:
    """The value in bounds; the lower one instead of what is no number, which is none for Gather."""
    above = tape.op("Where", tape.op("Greater", value, low), value, low)
    return tape.op("Min", above, high)


def linear(image: Image, places: str, rank: int, fold: Callable[[str], str] | None = None) -> str:
    """Weighted sums of the two elements around each place, on each axis."""
    return _interpolated(image, places, rank, _linear, (0, 1), fold)


def cubic(image: Image, places: str, rank: int, fold: Callable[[str], str] | None = None) -> str:
    """Weighted sums of four elements on each axis, by the cubic of R. Keys with a = -0.75."""
    return _interpolated(image, places, rank, _cubic, (-1, 0, 1, 2), fold)


def _interpolated(
    image: Image,
    places: str,
    rank: int,
    weigh: Callable[[Image, str], str],
    offsets: Sequence[int],
    fold: Callable[[str], str] | None,
) -> str:
    """`fold` brings taps that are outside back into the image; without one, the edge is taken."""
    tape = image.tape
    low = tape.op("Floor", places)
    rest = unsqueezed(tape, tape.op("Sub", places, low), [rank])
    taps = tape.op("Add", unsqueezed(tape, low, [rank]), image.numbers(offsets))
    if fold is not None:
        taps = fold(taps)
    first = image.numbers(-1.0 if image.rim else 0.0)
    taps = within(tape, taps, first, image.sizes(0 if image.rim else -1, column=True))
    return image.weighed(taps, weigh(image, rest), rank)


def _linear(image: Image, rest: str) -> str:
    return image.tape.op("Abs", image.tape.op("Sub", rest, image.numbers([1, 0])))


def _cubic(image: Image, rest: str) -> str:
    """A polynomial of the distance for each of the four."""
    tape, a = image.tape, -0.75
    far, near = [a, -5 * a, 8 * a, -4 * a], [a + 2, -(a + 3), 0, 1]
    by_power = np.array([far, near, near, far]).T
    away = tape.op("Abs", tape.op("Sub", rest, image.numbers([-1, 0, 1, 2])))
    made = image.numbers(by_power[0])
    for power in by_power[1:]:
        made = tape.op("Mul", made, away)
        made = tape.op("Add", made, image.numbers(power)) if power.any() else made
    return made
