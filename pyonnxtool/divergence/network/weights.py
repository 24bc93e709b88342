"""Parameters of a network against the initializers of the model that was exported from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.divergence.compare import Array, Comparison, compare, dtype_of
from pyonnxtool.divergence.network.side import NetworkBackend
from pyonnxtool.divergence.weights import compare_weights
from pyonnxtool.metrics import summary
from pyonnxtool.report import WeightRow
from pyonnxtool.verdict import EPS

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Tensor
    from pyonnxtool.divergence.case import Case

_SAMPLED = 2048
_RATIO_NOISE = 1e-5
_SAME_WEIGHT = 0.5
"""Share of equal elements from which an initializer without a name is a certain parameter."""


def weights_of_case(case: Case) -> tuple[list[WeightRow], int]:
    """Rows of the weights of both sides that differ, worst first, and how many were compared."""
    backend = case.reference.backend
    if isinstance(backend, NetworkBackend):
        return compare_network_weights(backend.network.weights(), case.candidate.model)
    return compare_weights(case.reference.model, case.candidate.model, case.alignment.constants)


def compare_network_weights(
    parameters: Mapping[str, Array], model: Model
) -> tuple[list[WeightRow], int]:
    """Rows of the weights that differ, worst first, and how many were compared.

    An initializer belongs to the parameter of its name, else to the one that has most of its
    elements, as they are or transposed. What has neither was made by the exporter. A weight that
    batch norm was folded into differs from the parameter and is right, so it is left out.
    """
    known = _Parameters(parameters)
    rows: list[tuple[float, WeightRow]] = []
    compared = 0
    for tensor in model.graph.initializers:
        if tensor.dtype not in EPS or tensor.dtype == "string" or not tensor.shape:
            continue
        found = known.of(tensor)
        if found is None:
            continue
        name, ours, theirs = found
        difference = compare(ours, theirs)
        if not difference.identical and known.folded(name, ours, theirs):
            continue
        compared += 1
        if not difference.identical:
            rows.append((difference.relative, _row(tensor, name, difference)))
    rows.sort(key=lambda item: -item[0])
    return [row for _, row in rows], compared


class _Parameters:
    def __init__(self, parameters: Mapping[str, Array]) -> None:
        self._held = {name: a for name, a in parameters.items() if dtype_of(a) in EPS}
        self._shaped: dict[tuple[int, ...], list[str]] = defaultdict(list)
        for name, array in self._held.items():
            self._shaped[array.shape].append(name)
        self._folded: set[str] = set()

    def of(self, tensor: Tensor) -> tuple[str, Array, Array] | None:
        """The parameter's name, its elements in the initializer's dtype and shape, and those."""
        name = self._named(tensor)
        if name is not None:
            theirs = tensor.numpy()
            return name, _in_form_of(self._held[name], theirs), theirs
        near = self._shaped.get(tuple(tensor.shape), [])
        turned = self._shaped.get(tuple(reversed(tensor.shape)), [])
        if not near and not turned:
            return None
        theirs = tensor.numpy()
        for candidate in dict.fromkeys((*near, *turned)):
            for ours in (self._held[candidate], self._held[candidate].T):
                if ours.shape == theirs.shape and _share_equal(ours, theirs) >= _SAME_WEIGHT:
                    return candidate, ours.astype(theirs.dtype, copy=False), theirs
        return None

    def _named(self, tensor: Tensor) -> str | None:
        """By the whole name, or by its end where the exported module was inside another."""
        if not tensor.name:
            return None
        whole = [name for name in (tensor.name,) if name in self._held]
        ends = whole or [
            name
            for name in self._held
            if "." in name
            and (name.endswith("." + tensor.name) or tensor.name.endswith("." + name))
        ]
        fitting = [
            name
            for name in ends
            if self._held[name].shape in (tuple(tensor.shape), tuple(reversed(tensor.shape)))
        ]
        return fitting[0] if len(fitting) == 1 else None

    def folded(self, name: str, ours: Array, theirs: Array) -> bool:
        """Every output channel of the weight was scaled by a number of its own; or its bias."""
        if ours.ndim < 2:
            return name.rpartition(".")[0] in self._folded
        for axis in (0, 1):
            ratios = _channel_ratios(ours, theirs, axis)
            if ratios is None or np.ptp(ratios) <= _RATIO_NOISE:  # one factor is no batch norm
                continue
            if np.mean(ratios != 1) > _SAME_WEIGHT:
                self._folded.add(name.rpartition(".")[0])
                return True
        return False


def _in_form_of(ours: Array, theirs: Array) -> Array:
    """Transposed where only that fits; rounded to a smaller dtype as a converter would."""
    turned = ours if ours.shape == theirs.shape else ours.T
    with np.errstate(over="ignore"):
        return turned.astype(theirs.dtype, copy=False)


def _share_equal(ours: Array, theirs: Array) -> float:
    """Of some elements. A constant is like any other constant, so it only counts when it is."""
    size = theirs.size
    places = np.unravel_index(np.arange(0, size, max(1, size // _SAMPLED)), theirs.shape)
    a, b = ours[places].astype(theirs.dtype, copy=False), theirs[places]
    share = float(np.mean(a == b)) if a.size else 0.0
    return share if share == 1.0 or np.unique(b).size > 2 else 0.0


def _channel_ratios(ours: Array, theirs: Array, axis: int) -> Array | None:
    """Quotient theirs / ours of each channel along the axis; None where it is not one number."""
    a = np.moveaxis(ours, axis, 0).reshape(ours.shape[axis], -1).astype(np.float64)
    b = np.moveaxis(theirs, axis, 0).reshape(theirs.shape[axis], -1).astype(np.float64)
    squares = (a * a).sum(axis=1)
    if not squares.all() or a.shape[1] < 2:
        return None
    ratios = (a * b).sum(axis=1) / squares
    left = np.abs(b - a * ratios[:, None]).max(axis=1)
    if np.any(left > 1e-3 * np.abs(b).max(axis=1)):
        return None
    return np.asarray(np.where(np.abs(ratios - 1) < _RATIO_NOISE, 1.0, ratios))


def _row(tensor: Tensor, name: str, found: Comparison) -> WeightRow:
    changed = found.stats.unequal if found.stats is not None else 0
    metrics = summary(found.stats) if found.stats is not None else {}
    return WeightRow(tensor.name, name, found.dtype, found.shape, changed, metrics, found.note)
