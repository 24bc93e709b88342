"""Weights side by side, before anything is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyonnxtool.divergence.compare import Comparison, compare
from pyonnxtool.metrics import summary
from pyonnxtool.report import WeightRow

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Tensor


def compare_weights(
    reference: Model, candidate: Model, constants: Sequence[tuple[str, str]]
) -> tuple[list[WeightRow], int]:
    """Rows of the constants that differ, worst first, and how many were compared.

    `constants` pairs names of initializers or of values that Constant nodes make. Tensors that
    are the same bytes of the same file are equal without being read.
    """
    rows: list[tuple[float, WeightRow]] = []
    for ours, theirs in constants:
        found = compare_constant(constant(reference, ours), constant(candidate, theirs))
        if found is not None and not found.identical:
            changed = found.stats.unequal if found.stats is not None else 0
            metrics = summary(found.stats) if found.stats is not None else {}
            row = WeightRow(theirs, ours, found.dtype, found.shape, changed, metrics, found.note)
            rows.append((found.relative, row))
    rows.sort(key=lambda item: -item[0])
    return [row for _, row in rows], len(constants)


def constant(model: Model, name: str) -> Tensor | None:
    """The tensor behind an initializer or a Constant's output; None for other values."""
    value = model.graph.value(name)
    if value.initializer is not None:
        return value.initializer
    held = value.producer.attributes.get("value") if value.producer is not None else None
    return held if hasattr(held, "numpy") else None


def compare_constant(ours: Tensor | None, theirs: Tensor | None) -> Comparison | None:
    """None when there is nothing to read: the same place on disk, or no tensor."""
    if ours is None or theirs is None:
        return None
    if ours.location is not None and ours.location == theirs.location:
        return None
    return compare(ours.numpy(), theirs.numpy())
