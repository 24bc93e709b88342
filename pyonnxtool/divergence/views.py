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

from pyonnxtool.rewriting import InnerOrder

if TYPE_CHECKING:
    from pyonnxtool.divergence.compare import Array
    from pyonnxtool.rewriting.report import Axes

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

    def to_candidate(self, value: Array, shape: Shape | None) -> Array:
        """The reference's value in the candidate's form. `shape`: of the candidate's, if known."""


def moved(value: Array, perm: Sequence[int]) -> Array:
    """The value with its axes permuted, in memory order."""
    return np.ascontiguousarray(value.transpose(perm))


@dataclass(frozen=True)
class Rearranged:
    """The same elements in another order or shape.

    The reference's value, with axis `block[0]` split into blocks of `block[1]` if given, the
    elements along the axes of `inner` reordered, its axes permuted by `perm`, and then reshaped.
    An empty `perm` moves nothing.
    """

    perm: Axes = ()
    block: tuple[int, int] | None = None
    inner: tuple[InnerOrder, ...] = ()

    @property
    def note(self) -> str:
        """Says the permutation, or the blocks that runtimes compute in."""
        if self.block:
            return f"axis {self.block[0]} in blocks of {self.block[1]}"
        told = [f"transposed {self.perm}"] if self.perm else []
        for one in self.inner:
            told.append(f"axis {one.axis} as {'x'.join(map(str, one.sizes))} in order {one.order}")
        return ", ".join(told) or "reshaped"

    def to_reference(self, value: Array, shape: Shape) -> Array:
        """Undoes the rearrangement."""
        split = self.split(shape)
        if split is None or value.size != math.prod(shape):
            return value
        perm = self.perm or tuple(range(len(split)))
        moved = value.reshape([split[axis] for axis in perm])
        whole = moved.transpose(np.argsort(perm)).reshape(shape)
        for one in self.inner:
            whole = _reordered(whole, one, back=True)
        return whole

    def to_candidate(self, value: Array, shape: Shape | None) -> Array:
        """Rearranges. Without a shape, nothing is reshaped."""
        split = self.split(value.shape)
        if split is None or (shape is not None and value.size != math.prod(shape)):
            return value
        for one in self.inner:
            value = _reordered(value, one, back=False)
        perm = self.perm or tuple(range(len(split)))
        moved = np.ascontiguousarray(value.reshape(split).transpose(perm))
        return moved.reshape(value.shape if self.block else moved.shape if shape is None else shape)

    def split(self, shape: Sequence[int]) -> Shape | None:
        """The shape that `perm` permutes; None where it does not fit."""
        split = tuple(shape)
        if self.block is not None:
            axis, size = self.block
            if axis >= len(split) or split[axis] % size:
                return None
            split = (*split[:axis], split[axis] // size, size, *split[axis + 1 :])
        if not all(_fits(one, shape) for one in self.inner):
            return None
        return split if not self.perm or len(self.perm) == len(split) else None


def _fits(one: InnerOrder, shape: Sequence[int]) -> bool:
    return one.axis < len(shape) and math.prod(one.sizes) == shape[one.axis]


def _reordered(value: Array, one: InnerOrder, *, back: bool) -> Array:
    """The value with the elements along one axis in another order, or back in the first one."""
    sizes = [one.sizes[factor] for factor in one.order] if back else list(one.sizes)
    order = np.argsort(one.order) if back else np.asarray(one.order)
    before = value.shape[: one.axis]
    cut = value.reshape([*before, *sizes, *value.shape[one.axis + 1 :]])
    at = len(before)
    axes = [*range(at), *(at + order), *range(at + len(sizes), cut.ndim)]
    return cut.transpose(axes).reshape(value.shape)
