"""Attributes that name axes, of nodes whose values lie in another order of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pyonnxtool.divergence.views import Rearranged

if TYPE_CHECKING:
    from pyonnxtool._core import Node
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.compare import Array
    from pyonnxtool.divergence.views import View

Forms: TypeAlias = "Mapping[str, View]"
"""Values of the candidate that hold the reference's numbers in another form, and which."""

NO_FORMS: Forms = MappingProxyType({})
_LONGEST_AXES = 8


def forms_of(case: Case) -> Forms:
    """Of all pairs, and of inputs that are fed transposed."""
    moved = {name: Rearranged(perm) for name, perm in case.interface.moved.items()}
    return {**moved, **{pair.candidate: pair.view for pair in case.pairs if pair.view}}


def moves_axes(theirs: Node, name: str, forms: Forms) -> bool:
    """Whether an attribute names axes that lie elsewhere; a Transpose may choose where to."""
    if name == "perm":
        return bool(_perm(theirs.input_names[:1], forms))
    return name in ("axis", "axes") and is_moved(theirs, forms)


def expected(ours: Node, theirs: Node, name: str, forms: Forms) -> Any:
    """What attribute `name` of the reference's node has to be in the candidate's layouts.

    None where that is what it is anyway, or where it is not known. Axes are sorted.
    """
    value = ours.attributes.get(name)
    read = _perm(theirs.input_names[:1], forms)
    made = _perm(theirs.output_names[:1], forms)
    if name == "perm" and isinstance(value, list):
        straight = tuple(range(len(value)))
        before, after = read or straight, made or straight
        fits = len(before) == len(after) == len(value)
        return [before.index(value[axis]) for axis in after] if fits else None
    perm = read or made
    if not perm:
        return None
    axes: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(axis, int) and -len(perm) <= axis < len(perm) for axis in axes):
        return None
    moved = sorted(perm.index(axis % len(perm)) for axis in axes)
    return moved if isinstance(value, list) else moved[0]


def normal(theirs: Node, name: str, forms: Forms) -> Any:
    """The candidate's attribute as `expected` writes it."""
    value = theirs.attributes.get(name)
    perm = _perm(theirs.input_names[:1], forms) or _perm(theirs.output_names[:1], forms)
    if name == "perm" or not perm:
        return value
    if isinstance(value, list):
        return sorted(axis % len(perm) for axis in value)
    return value % len(perm) if isinstance(value, int) else value


def is_moved(theirs: Node, forms: Forms) -> bool:
    """Whether the node reads or makes anything in another order of axes."""
    return any(_perm([name], forms) for name in (*theirs.input_names, *theirs.output_names))


def alike_elsewhere(ours: Array, theirs: Array) -> bool:
    """Whether two constants may be the same in two layouts: equal elements, in whatever order.

    Of a few integers (axes, pads, a shape) nothing is known.
    """
    if ours.dtype != theirs.dtype or ours.dtype.kind not in "fiub":
        return False
    if ours.dtype == np.int64 and max(ours.size, theirs.size) <= _LONGEST_AXES:
        return True
    if ours.size != theirs.size:
        return False
    return bool(np.array_equal(np.sort(ours, axis=None), np.sort(theirs, axis=None)))


def _perm(names: Sequence[str], forms: Forms) -> tuple[int, ...]:
    for name in names:
        view = forms.get(name)
        if isinstance(view, Rearranged) and view.perm and not view.block:
            return view.perm
    return ()
