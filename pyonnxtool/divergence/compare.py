"""Two values side by side: what `diff_stats` says of them, or why they cannot be compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyonnxtool._core import diff_stats
from pyonnxtool.feeds.dtypes import dtype_name
from pyonnxtool.verdict import EPS, mismatched_non_finite

if TYPE_CHECKING:
    from pyonnxtool._core import DiffStats

Array = NDArray[Any]

_MASK = 1e4
"""Values that are added to mask others are at least as large as this."""
_LEAST_MASK = 1e8
"""No computed value is as far below zero as this, but masks are."""
_NEARLY = 0.95
"""What is added to a mask moves it by less than to this share."""
_GAP = 0.02
"""Between masked and unmasked values is a gap, from this to its square times the mask."""


@dataclass(frozen=True)
class Comparison:
    """One pair of values. `stats` is None where numbers cannot be set against numbers."""

    stats: DiffStats | None
    dtype: str
    shape: tuple[int, ...]
    note: str = ""
    unmasked: DiffStats | None = None
    """Without the places that hold a mask, where there is one; see `judged`."""

    @property
    def judged(self) -> DiffStats | None:
        """What rounding is judged by: a mask of -1e9 is no scale for the scores beside it."""
        return self.unmasked if self.unmasked is not None else self.stats

    @property
    def comparable(self) -> bool:
        """Whether there are numbers: equal shapes, and no text against numbers."""
        return self.stats is not None

    @property
    def identical(self) -> bool:
        """Equal element by element (NaN equals NaN, -0 equals 0)."""
        return self.stats is not None and self.stats.unequal == 0

    @property
    def scale(self) -> float:
        """Largest finite magnitude of the reference."""
        return float(self.stats.ref_abs_max) if self.stats is not None else 0.0

    @property
    def relative(self) -> float:
        """Largest |difference| over the scale; infinite where the values cannot be reconciled."""
        if self.stats is None or mismatched_non_finite(self.stats):
            return math.inf
        if self.stats.unequal == 0:
            return 0.0
        if self.stats.max_abs == 0.0:  # strings have no magnitude
            return math.inf
        return float(self.stats.max_abs) / self.scale if self.scale else math.inf

    @property
    def nonfinite(self) -> bool:
        """Whether either side holds a NaN or an infinity."""
        s = self.stats
        return s is not None and bool(
            s.nan_ref + s.nan_got + s.pos_inf_ref + s.pos_inf_got + s.neg_inf_ref + s.neg_inf_got
        )

    @property
    def alarming(self) -> bool:
        """As `nonfinite`, but the -Inf of a mask, at the same places on both sides, is not."""
        s = self.stats
        return s is not None and bool(
            s.nan_ref + s.nan_got + s.pos_inf_ref + s.pos_inf_got + s.inf_mismatch
        )


def compare(reference: object, candidate: object) -> Comparison:
    """Compare tensors, sequences, maps or optionals.

    Tensors of different dtypes are compared in a dtype that holds both. Sequences of equal
    length are compared item by item; the worst item speaks for them. Maps of equal keys are
    compared as the vectors of their values.
    """
    if isinstance(reference, list) and isinstance(candidate, list):
        return _compare_sequences(reference, candidate)
    if isinstance(reference, np.ndarray) and isinstance(candidate, np.ndarray):
        return _compare_arrays(reference, candidate)
    if isinstance(reference, dict) and isinstance(candidate, dict):
        return _compare_maps(reference, candidate)
    if reference is None and candidate is None:
        return Comparison(diff_stats(np.empty(0), np.empty(0)), "none", (), "empty on both sides")
    return Comparison(None, _kind(reference), (), f"{_kind(reference)} vs {_kind(candidate)}")


def _compare_arrays(reference: Array, candidate: Array) -> Comparison:
    dtype = dtype_of(reference)
    if reference.shape != candidate.shape:
        note = f"shape {_text(reference.shape)} vs {_text(candidate.shape)}"
        return Comparison(None, dtype, reference.shape, note)
    note = ""
    if reference.dtype != candidate.dtype:
        note = f"dtype {dtype} vs {dtype_of(candidate)}"
        if _is_text(reference) or _is_text(candidate):
            return Comparison(None, dtype, reference.shape, note)
        dtype = coarser(dtype, dtype_of(candidate))
        common = _common(reference.dtype, candidate.dtype)
        with np.errstate(all="ignore"):  # what does not fit the common dtype shows as infinity
            reference = _within_range(reference, candidate)
            reference, candidate = reference.astype(common), candidate.astype(common)
    stats = diff_stats(np.ascontiguousarray(reference), np.ascontiguousarray(candidate))
    if not note and stats.nan_both:
        note = f"NaN at the same {stats.nan_both} places"
    if stats.nan_mismatch:
        note = f"NaN on one side only at {stats.nan_mismatch} places"
    elif stats.inf_mismatch:
        note = f"Inf on one side only at {stats.inf_mismatch} places"
    unmasked = _unmasked(stats, reference, candidate) if dtype in EPS else None
    return Comparison(stats, dtype, reference.shape, note, unmasked)


def _within_range(reference: Array, candidate: Array) -> Array:
    """The reference, or the candidate where that is as large as its narrower type can be.

    A mask of -1e9 becomes -65504 in float16, or -Inf with a score added, which masks as well. No
    other infinity counts.
    """
    name = dtype_of(candidate)
    if name not in ("float16", "bfloat16") or dtype_of(reference) not in EPS:
        return reference
    most = float(np.finfo(np.float16).max) if name == "float16" else 3.3895313892515355e38
    there = candidate.astype(np.float32)
    beyond = (np.abs(reference) > most) & (np.abs(there) > _NEARLY * most) & np.isfinite(there)
    beyond |= (reference < -_LEAST_MASK) & (there == -np.inf)
    return np.where(beyond & (np.sign(reference) == np.sign(there)), there, reference)


def _unmasked(stats: DiffStats, reference: Array, candidate: Array) -> DiffStats | None:
    """Of the places that are no mask: huge values on both sides, far from all others."""
    largest = stats.ref_abs_max
    if stats.unequal == 0 or largest < _MASK or not np.isrealobj(reference):
        return None
    with np.errstate(all="ignore"):
        huge = ~(np.abs(reference) < _GAP * largest)
        others = np.abs(reference[~huge])
        alike = np.abs(candidate[huge] - reference[huge]) <= _GAP * largest
        if others.size == 0 or others.max() > _GAP * _GAP * largest or not alike.all():
            return None
    return diff_stats(reference[~huge], candidate[~huge])


def _compare_sequences(reference: list[Any], candidate: list[Any]) -> Comparison:
    if len(reference) != len(candidate):
        note = f"{len(reference)} items vs {len(candidate)}"
        return Comparison(None, "sequence", (len(reference),), note)
    items = [compare(a, b) for a, b in zip(reference, candidate, strict=True)]
    if not items:
        return Comparison(diff_stats(np.empty(0), np.empty(0)), "sequence", (0,), "no items")
    worst = max(range(len(items)), key=lambda i: items[i].relative)
    note = f"item {worst} of {len(items)}" + (f": {items[worst].note}" if items[worst].note else "")
    return Comparison(items[worst].stats, items[worst].dtype, items[worst].shape, note)


def _compare_maps(reference: dict[Any, Any], candidate: dict[Any, Any]) -> Comparison:
    if reference.keys() != candidate.keys():
        odd = sorted(map(str, reference.keys() ^ candidate.keys()))
        note = f"keys on one side only: {', '.join(odd[:5])}"
        return Comparison(None, "map", (len(reference),), note)
    ours, theirs = (np.asarray([each[key] for key in reference]) for each in (reference, candidate))
    return _compare_arrays(ours, theirs)


def dtype_of(array: Array) -> str:
    """The ONNX name of an array's element type: "float32", "bfloat16", "float8e4m3fn", "string"."""
    return dtype_name(array.dtype)


def coarser(first: str, second: str) -> str:
    """The dtype whose rounding is the larger: a float16 copy of a float32 value is a float16."""
    return max(first, second, key=lambda dtype: EPS.get(dtype, 0.0))


def _common(first: np.dtype[Any], second: np.dtype[Any]) -> np.dtype[Any]:
    try:
        common = np.promote_types(first, second)
    except TypeError:  # two dtypes of ml_dtypes
        common = np.dtype(np.float32)
    # Two float8 types promote to neither of them.
    return common if common.kind in "biufc" else np.dtype(np.float32)


def _is_text(array: Array) -> bool:
    return array.dtype.kind in "OUS"


def _text(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def _kind(value: object) -> str:
    if value is None:
        return "none"
    return dtype_of(value) if isinstance(value, np.ndarray) else type(value).__name__
