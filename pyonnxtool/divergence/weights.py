"""Weights side by side, before anything is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.divergence.compare import Comparison, compare
from pyonnxtool.divergence.constants import constant
from pyonnxtool.divergence.quantized.weights import dequantized_constant
from pyonnxtool.metrics import summary
from pyonnxtool.report import WeightRow

__all__ = ["compare_constant", "compare_weight", "compare_weights", "constant"]

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
        found = compare_weight(reference, ours, candidate, theirs)
        if found is not None and not found.identical:
            changed = found.stats.unequal if found.stats is not None else 0
            metrics = summary(found.stats) if found.stats is not None else {}
            row = WeightRow(theirs, ours, found.dtype, found.shape, changed, metrics, found.note)
            rows.append((found.relative, row))
    rows.sort(key=lambda item: -item[0])
    return [row for _, row in rows], len(constants)


def compare_weight(reference: Model, ours: str, candidate: Model, theirs: str) -> Comparison | None:
    """As `compare_constant`; a weight that the candidate quantized is compared dequantized."""
    held = constant(reference, ours)
    if held is None or not held.dtype.startswith(("float", "bfloat")):
        return compare_constant(held, constant(candidate, theirs))
    numbers = dequantized_constant(candidate, theirs)
    if numbers is None:
        return compare_constant(held, constant(candidate, theirs))
    given = held.numpy()
    if numbers.shape != given.shape and numbers.T.shape == given.shape:
        numbers = numbers.T
    found = compare(given.astype(np.float64), np.ascontiguousarray(numbers))
    return replace(
        found, dtype=held.dtype, note="; ".join(filter(None, ("dequantized", found.note)))
    )


def compare_constant(ours: Tensor | None, theirs: Tensor | None) -> Comparison | None:
    """None when there is nothing to read: the same place on disk, or no tensor."""
    if ours is None or theirs is None:
        return None
    if ours.location is not None and ours.location == theirs.location:
        return None
    found = compare(ours.numpy(), theirs.numpy())
    for tensor in (ours, theirs):  # all weights of both models, read once, need not stay
        tensor.forget()
    return found
