"""An operand of an Einsum, or a product of some: a value whose axes have labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class Term:
    """Every method gives another term; constants are moved at once, without a node."""

    tape: Tape
    value: str
    labels: tuple[str, ...]
    sizes: Mapping[str, int | None]
    known: NDArray[Any] | None = None
    """Its elements, where they are not what `value` has."""

    @property
    def name(self) -> str:
        """As nodes read it."""
        if self.value or self.known is None:
            return self.value
        return self.tape.const(self.known)

    def summed(self, gone: Sequence[str]) -> Term:
        """Without these labels."""
        if not gone:
            return self
        axes = [self.labels.index(label) for label in gone]
        made = self.tape.op("ReduceSum", self.name, axes=sorted(axes), keepdims=0)
        return self._without(gone, made)

    def squeezed(self, gone: Sequence[str]) -> Term:
        """Without these labels, whose size is 1."""
        if not gone:
            return self
        axes = tuple(sorted(self.labels.index(label) for label in gone))
        if self.known is not None:
            return replace(self._without(gone, ""), known=self.known.squeeze(axes))
        return self._without(gone, self.tape.op("Squeeze", self.name, axes=axes))

    def _without(self, gone: Sequence[str], value: str) -> Term:
        left = tuple(label for label in self.labels if label not in gone)
        return Term(self.tape, value, left, {label: self.sizes[label] for label in left})

    def arranged(self, order: Sequence[str]) -> Term:
        """With its labels in this order; labels that it does not have are left out."""
        labels = tuple(label for label in order if label in self.labels)
        if labels == self.labels:
            return self
        perm = [self.labels.index(label) for label in labels]
        if self.known is not None:
            return replace(self, value="", labels=labels, known=self.known.transpose(perm))
        made = self.tape.op("Transpose", self.name, perm=perm)
        return replace(self, value=made, labels=labels)

    def among(self, order: Sequence[str]) -> str:
        """Arranged, and with an axis of 1 for labels that it lacks, so that it is broadcast."""
        term = self.arranged(order)
        first = next((at for at, label in enumerate(order) if label in term.labels), len(order))
        axes = [at for at in range(first, len(order)) if order[at] not in term.labels]
        if not axes:
            return term.name
        if term.known is not None:
            kept = range(first, len(order))
            shape = [term.sizes.get(order[at], 1) or 1 for at in kept]
            return self.tape.const(term.known.reshape(shape))
        return self.tape.op("Unsqueeze", term.name, axes=[at - first for at in axes])

    def diagonal(self, label: str) -> Term:
        """Where two axes of the label have the same index; the label is last afterwards.

        `labels` has it twice or more often here.
        """
        axes = [at for at, one in enumerate(self.labels) if one == label][-2:]
        rest = [at for at in range(len(self.labels)) if at not in axes]
        tape, size = self.tape, self.sizes[label]
        perm = [*rest, *axes]
        value = self.name
        if perm != list(range(len(perm))):
            value = tape.op("Transpose", value, perm=perm)
        if size is None:
            count = tape.op("Gather", tape.op("Shape", self.name), tape.const(axes[0], "int64"))
            end = tape.op("Mul", count, count)
            step = tape.op("Add", count, tape.const(1, "int64"))
            places = tape.op("Range", tape.const(0, "int64"), end, step)
        else:
            places = tape.const(np.arange(size, dtype=np.int64) * (size + 1))
        flat = tape.op("Reshape", value, tape.ints([*[0] * len(rest), -1]))
        made = tape.op("Gather", flat, places, axis=len(rest))
        return Term(tape, made, (*(self.labels[at] for at in rest), label), self.sizes)

    def grouped(self, groups: Sequence[Sequence[str]]) -> str:
        """One axis for each group of labels, in order; of 1 for an empty group."""
        if all(len(group) == 1 for group in groups):
            return self.name
        if self.known is not None:
            shape = [math.prod(self.sizes[one] or 1 for one in group) for group in groups]
            return self.tape.const(self.known.reshape(shape))
        if all(len(group) < 2 for group in groups):
            axes = [at for at, group in enumerate(groups) if not group]
            return self.tape.op("Unsqueeze", self.name, axes=axes)
        sizes = [_product(self.sizes[one] for one in group) for group in groups]
        parts = [(self, group) for group in groups]
        return self.tape.op("Reshape", self.name, _shape(self.tape, sizes, parts))


def _product(sizes: Any) -> int | None:
    known = list(sizes)
    return None if None in known else math.prod(known)


def split_up(
    value: str, groups: Sequence[Sequence[str]], sources: Mapping[str, Term], tape: Tape
) -> str:
    """Undo `grouped`: an axis for each label again; `sources` have their sizes."""
    if all(len(group) == 1 for group in groups):
        return value
    if all(len(group) < 2 for group in groups):
        axes = [at for at, group in enumerate(groups) if not group]
        return tape.op("Squeeze", value, axes=axes)
    labels = [label for group in groups for label in group]
    sizes = [sources[label].sizes[label] for label in labels]
    kept = 0
    while kept < len(groups) and len(groups[kept]) == 1:
        kept += 1
    parts: list[tuple[Term, Sequence[str]]] = [(sources[label], [label]) for label in labels]
    return tape.op("Reshape", value, _shape(tape, sizes, parts, kept))


def _shape(
    tape: Tape,
    sizes: Sequence[int | None],
    parts: Sequence[tuple[Term, Sequence[str]]],
    kept: int | None = None,
) -> str:
    """For Reshape: leading axes stay as they are, one size may be open, else all are computed."""
    if kept is None:
        kept = next((at for at, (_, group) in enumerate(parts) if len(group) != 1), len(parts))
    open_ = [at for at in range(kept, len(sizes)) if sizes[at] is None]
    if len(open_) <= 1:
        return tape.ints([0] * kept + [-1 if one is None else one for one in sizes[kept:]])
    pieces = [tape.ints([0] * kept)] if kept else []
    for at in range(kept, len(sizes)):
        size, (term, group) = sizes[at], parts[at]
        pieces.append(tape.ints([size]) if size is not None else _measured(term, group, tape))
    return tape.op("Concat", *pieces, axis=0)


def _measured(term: Term, group: Sequence[str], tape: Tape) -> str:
    axes = tape.ints([term.labels.index(label) for label in group])
    found = tape.op("Gather", tape.op("Shape", term.name), axes, axis=0)
    return found if len(group) == 1 else tape.op("ReduceProd", found, axes=[0], keepdims=1)
