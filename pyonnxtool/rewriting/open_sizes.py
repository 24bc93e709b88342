"""Sizes of axes: numbers where they are known, else tensors of one element."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

Size: TypeAlias = "int | str"
"""A number, or the name of an int64 tensor of shape [1]."""

_END = np.iinfo(np.int64).max


class Sizes:
    """Sizes on a tape. The Shape of a value is taken once."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._shapes: dict[str, str] = {}

    def shape(self, value: str) -> str:
        """Shape of a value as a tensor."""
        if value not in self._shapes:
            self._shapes[str(value)] = self._tape.op("Shape", value)
        return self._shapes[value]

    def of(self, value: Operand, axis: int) -> Size:
        """Size of one axis; only from the back where the rank is not known."""
        shape = value.shape
        if shape is not None:
            axis += len(shape) if axis < 0 else 0
            known = shape[axis] if axis < len(shape) else None
            if known is not None:
                return known
        if axis >= 0:
            return self._tape.op("Gather", self.shape(value), self._tape.ints([axis]), axis=0)
        return self.part(self.shape(value), axis, axis + 1 if axis < -1 else None)

    def all(self, value: Operand) -> list[Size]:
        """Size of each axis. Pre: the rank is known."""
        return [self.of(value, axis) for axis in range(value.rank or 0)]

    def rest(self, value: Operand, first: int) -> list[Size]:
        """Sizes from this axis on; one tensor of them all where the rank is not known."""
        if value.rank is None:
            return [self.part(self.shape(value), first, None)]
        return [self.of(value, axis) for axis in range(first, value.rank)]

    def part(self, tensor: str, start: int, end: int | None) -> str:
        """Elements of a 1-D tensor; negative positions count from the back."""
        stop = _END if end is None else end
        if self._tape.opset < 10:
            return self._tape.op("Slice", tensor, axes=[0], starts=[start], ends=[stop])
        ints = self._tape.ints
        return self._tape.op("Slice", tensor, ints([start]), ints([stop]), ints([0]))

    def joined(self, sizes: Sequence[Size]) -> str:
        """One 1-D tensor of them all."""
        pieces: list[str] = []
        run: list[int] = []
        for size in sizes:
            if isinstance(size, int):
                run.append(size)
                continue
            pieces += [self._tape.ints(run)] if run else []
            pieces.append(size)
            run = []
        if run or not pieces:
            pieces.append(self._tape.ints(run))
        return pieces[0] if len(pieces) == 1 else self._tape.op("Concat", *pieces, axis=0)

    def product(self, sizes: Sequence[Size]) -> Size:
        """Of all of them."""
        known = math.prod(size for size in sizes if isinstance(size, int))
        named = [size for size in sizes if isinstance(size, str)]
        if not named:
            return known
        found = named[0] if known == 1 else self._tape.op("Mul", named[0], self._tape.ints([known]))
        for size in named[1:]:
            found = self._tape.op("Mul", found, size)
        return found

    def sum(self, first: Size, second: Size) -> Size:
        """Of two."""
        if isinstance(first, int) and isinstance(second, int):
            return first + second
        return self._tape.op("Add", self.tensor(first), self.tensor(second))

    def tensor(self, size: Size) -> str:
        """As a tensor of shape [1]."""
        return self._tape.ints([size]) if isinstance(size, int) else size

    def scalar(self, size: Size) -> str:
        """As a tensor of rank 0."""
        if isinstance(size, int):
            return self._tape.const(np.array(size, np.int64))
        return self._tape.op("Reshape", size, self._tape.ints([]))

    def iota(self, size: Size) -> str:
        """0, 1, ... below `size`: a 1-D int64 tensor."""
        tape = self._tape
        if isinstance(size, int):
            return tape.ints(range(size))
        if tape.opset >= 11:
            zero, one = (tape.const(np.array(value, np.int64)) for value in (0, 1))
            return tape.op("Range", zero, self.scalar(size), one)
        if tape.opset >= 9:
            ones = tape.op("ConstantOfShape", size, value=np.ones(1, np.int64))
            return tape.op("Reshape", tape.op("NonZero", ones), tape.ints([-1]))
        return self._counted(size)

    def _counted(self, size: Size) -> str:
        """Before opset 9 only a loop counts."""
        body = self._tape.body(
            [("i", "int64", 0), ("on", "bool", 0), ("carried", "int64", 0)],
            lambda inner, names: [
                (inner.op("Identity", names[1]), "bool", 0),
                (inner.op("Identity", names[2]), "int64", 0),
                (inner.op("Identity", names[0]), "int64", 0),
            ],
        )
        on, least = self._tape.const(np.array(True)), self._tape.const(np.array(0, np.int64))
        count = self.scalar(size)  # and something to carry, which a Loop had to do then
        return self._tape.many("Loop", count, on, least, outputs=[False, True], body=body)[1]

    def iota_along(self, size: Size, axis: int, rank: int) -> str:
        """`iota`, as a tensor of this rank whose other axes have size 1."""
        if isinstance(size, int):
            shape = [size if one == axis else 1 for one in range(rank)]
            return self._tape.const(np.arange(size, dtype=np.int64).reshape(shape))
        places = self._tape.ints([-1 if one == axis else 1 for one in range(rank)])
        return self._tape.op("Reshape", self.iota(size), places)
