"""Which view makes one value out of another, found from the numbers of some samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyonnxtool.divergence.views import Rearranged, Shape, View

if TYPE_CHECKING:
    from pyonnxtool.divergence.compare import Array

_PLACES = 512
"""Elements that are looked at for each form; more would tell no more."""
_MOST_AXES = 5
_BLOCKS = (8, 16, 4)
"""Channels that runtimes put side by side, on axis 1."""
_ROUNDING = 1e-3
_COARSE_ROUNDING = 3e-2
_LEAST_LIKENESS = 0.5
"""Correlation from which on a form is believed although the values differ."""
_CLEARLY = 0.8
"""Another form must correlate by less than this share of the best."""

Index = NDArray[Any]


@dataclass(frozen=True)
class Form:
    """The view of a pair of values; None: both hold the numbers in one form.

    `sure`: seen through it, the values are equal.
    """

    view: View | None
    sure: bool = True


def find_form(
    ours: Sequence[Array], theirs: Sequence[Array], *, although_different: bool = False
) -> Form | None:
    """The form in which `theirs` hold what `ours` hold, one array for each sample.

    None when there is none, or several that move the elements differently and fit equally well.
    With `although_different`, a form that makes the values correlate far better than any other
    will do: that of a value which a fault has changed.
    """
    if any(a.size != b.size or a.size == 0 for a, b in zip(ours, theirs, strict=True)):
        return None
    forms = list(_forms(ours[0].shape, theirs[0].shape))
    fits = [form for form in forms if _fits(form, ours, theirs)]
    if not fits and although_different:
        return _likeliest(forms, ours, theirs) or _only_by_shape(ours[0].shape, theirs[0].shape)
    if not fits or (fits[0].view is not None and _several(fits, ours[0], theirs[0])):
        return None
    return fits[0] if _equal(fits[0].view, ours, theirs) else None


def are_sizes_reordered(ours: Sequence[Array], theirs: Sequence[Array]) -> bool:
    """Whether these are the same few integers in another order: the shape of another layout.

    A vector has one axis, so no layout turns the one into the other; they are different values.
    """
    return all(
        a.ndim == b.ndim == 1
        and a.dtype.kind == b.dtype.kind == "i"
        and not np.array_equal(a, b)
        and np.array_equal(np.sort(a), np.sort(b))
        for a, b in zip(ours, theirs, strict=True)
    )


def _forms(ours: Shape, theirs: Shape) -> Iterator[Form]:
    """Simple ones first."""
    yield Form(None if ours == theirs else Rearranged())
    if len(ours) > _MOST_AXES:
        return
    axes = range(len(ours))
    known = {tuple(axis for axis in axes if ours[axis] != 1)}
    for perm in itertools.permutations(axes):
        shape = tuple(ours[axis] for axis in perm)
        moved = tuple(axis for axis in perm if ours[axis] != 1)
        if moved not in known and _foldable(shape, theirs):
            known.add(moved)
            yield Form(Rearranged(perm))
    if len(ours) == 4 and ours == theirs:
        for size in _BLOCKS:
            if ours[1] % size == 0 and ours[1] > size:
                yield Form(Rearranged((0, 1, 3, 4, 2), (1, size)))


def _foldable(shape: Shape, other: Shape) -> bool:
    """One shape is the other with neighbouring axes merged."""
    fine, coarse = sorted((_cuts(shape), _cuts(other)), key=len, reverse=True)
    return coarse <= fine


def _cuts(shape: Shape) -> set[int]:
    """Products of the leading dims: where a flat index is cut."""
    return set(itertools.accumulate(shape, lambda a, b: a * b, initial=1))


def _places(form: Form, ours: Shape, theirs: Shape) -> tuple[Index, Index]:
    """Flat indices of some elements of the candidate, and of their sources in the reference."""
    size = math.prod(ours)
    # Equal steps might hit one row of a matrix only.
    drawn = np.random.default_rng(size).integers(0, size, _PLACES)
    theirs_at = np.arange(size) if size <= _PLACES else np.unique(drawn)
    view = form.view
    if not isinstance(view, Rearranged) or not view.perm:
        return theirs_at, theirs_at
    split = view.split(ours)
    assert split is not None
    moved = np.unravel_index(theirs_at, [split[axis] for axis in view.perm])
    back = [moved[place] for place in np.argsort(view.perm)]
    return theirs_at, np.asarray(np.ravel_multi_index(back, split))


def _picked(form: Form, ours: Array, theirs: Array) -> tuple[Array, Array]:
    theirs_at, ours_at = _places(form, ours.shape, theirs.shape)
    with np.errstate(all="ignore"):
        return (
            ours.reshape(-1)[ours_at].astype(np.float64),
            theirs.reshape(-1)[theirs_at].astype(np.float64),
        )


def _close(a: Array, b: Array, coarse: bool) -> bool:
    known = np.isfinite(a) & np.isfinite(b) & (np.abs(a) < 1e30)
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return False
    a, b = a[known], b[known]
    scale = np.abs(a).max(initial=0.0)
    limit = _COARSE_ROUNDING if coarse else _ROUNDING
    return bool(np.abs(a - b).max(initial=0.0) <= limit * scale)


def _coarse(ours: Array, theirs: Array) -> bool:
    return min(ours.dtype.itemsize, theirs.dtype.itemsize) < 4 and ours.dtype.kind not in "iub"


def _fits(form: Form, ours: Sequence[Array], theirs: Sequence[Array]) -> bool:
    return all(
        _close(*_picked(form, a, b), _coarse(a, b)) for a, b in zip(ours, theirs, strict=True)
    )


def _equal(view: View | None, ours: Sequence[Array], theirs: Sequence[Array]) -> bool:
    """All elements, not only those that were looked at."""
    for a, b in zip(ours, theirs, strict=True):
        seen = b if view is None else view.to_reference(b, a.shape)
        if seen.shape != a.shape:
            return False
        with np.errstate(all="ignore"):
            if not _close(a.astype(np.float64), seen.astype(np.float64), _coarse(a, b)):
                return False
    return True


def _several(fits: Sequence[Form], ours: Array, theirs: Array) -> bool:
    sources = {_places(form, ours.shape, theirs.shape)[1].tobytes() for form in fits}
    return len(sources) > 1


def _only_by_shape(ours: Shape, theirs: Shape) -> Form | None:
    """The one order of axes that turns one shape into the other, of values that a fault changed."""
    if ours == theirs or sorted(ours) != sorted(theirs) or len(ours) > _MOST_AXES:
        return None
    long = [size for size in ours if size != 1]
    if len(set(long)) != len(long):
        return None
    ones = [axis for axis, size in enumerate(ours) if size == 1]
    places = iter(ones)
    return Form(
        Rearranged(tuple(next(places) if size == 1 else ours.index(size) for size in theirs)),
        sure=False,
    )


def _likeliest(
    forms: Sequence[Form], ours: Sequence[Array], theirs: Sequence[Array]
) -> Form | None:
    ranked = sorted(
        ((_likeness(form, ours, theirs), -place) for place, form in enumerate(forms)), reverse=True
    )
    best, place = ranked[0]
    second = ranked[1][0] if len(ranked) > 1 else 0.0
    if best < _LEAST_LIKENESS or second > _CLEARLY * best:
        return None
    return Form(forms[-place].view, sure=False)


def _likeness(form: Form, ours: Sequence[Array], theirs: Sequence[Array]) -> float:
    """The smallest correlation over the samples."""
    found = 1.0
    for a, b in zip(ours, theirs, strict=True):
        left, right = _picked(form, a, b)
        known = np.isfinite(left) & np.isfinite(right)
        left, right = left[known], right[known]
        if left.size < 2 or not left.std() or not right.std():
            return 0.0
        found = min(found, float(np.corrcoef(left, right)[0, 1]))
    return found
