"""How a value of the candidate holds the numbers of its counterpart: the same, in another form.

A pair of values that are equal only up to a permutation of axes, another shape or a number format
has a `View`. Comparing goes through `to_reference`; feeding the candidate's nodes with what the
reference computed goes through `to_candidate`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from pyonnxtool.divergence.compare import Array

Shape = tuple[int, ...]


class View(Protocol):
    """Another form of the same numbers. Immutable; both directions are pure.

    A view never fails: a value that it cannot bring into the other form is returned as it is, and
    the comparison then says that the shapes differ.
    """

    @property
    def note(self) -> str:
        """For the report's rows: "transposed (0, 2, 3, 1)"."""

    def to_reference(self, value: Array, shape: Shape) -> Array:
        """The candidate's value in the reference's form. `shape`: of the reference's value."""

    def to_candidate(self, value: Array, shape: Shape) -> Array:
        """The reference's value in the candidate's form. `shape`: of the candidate's value."""


def moved(value: Array, perm: Sequence[int]) -> Array:
    """The value with its axes permuted, in memory order."""
    return np.ascontiguousarray(value.transpose(perm))


@dataclass(frozen=True)
class Rearranged:
    """The same elements in another order or shape.

    The reference's value, with axis `block[0]` split into blocks of `block[1]` if given, its axes
    permuted by `perm`, and then reshaped. An empty `perm` moves nothing.
    """

    perm: tuple[int, ...] = ()
    block: tuple[int, int] | None = None

    @property
    def note(self) -> str:
        """Says the permutation, or the blocks that runtimes compute in."""
        if self.block:
            return f"axis {self.block[0]} in blocks of {self.block[1]}"
        return f"transposed {self.perm}" if self.perm else "reshaped"

    def to_reference(self, value: Array, shape: Shape) -> Array:
        """Undoes the rearrangement."""
        split = self.split(shape)
        if split is None or value.size != math.prod(shape):
            return value
        perm = self.perm or tuple(range(len(split)))
        moved = value.reshape([split[axis] for axis in perm])
        return moved.transpose(np.argsort(perm)).reshape(shape)

    def to_candidate(self, value: Array, shape: Shape) -> Array:
        """Rearranges."""
        split = self.split(value.shape)
        if split is None or value.size != math.prod(shape):
            return value
        perm = self.perm or tuple(range(len(split)))
        return np.ascontiguousarray(value.reshape(split).transpose(perm)).reshape(shape)

    def split(self, shape: Sequence[int]) -> Shape | None:
        """The shape that `perm` permutes; None where it does not fit."""
        split = tuple(shape)
        if self.block is not None:
            axis, size = self.block
            if axis >= len(split) or split[axis] % size:
                return None
            split = (*split[:axis], split[axis] // size, size, *split[axis + 1 :])
        return split if not self.perm or len(self.perm) == len(split) else None
