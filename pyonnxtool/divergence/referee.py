"""The referee: what a suspect really computes, in float64, and so who of the two is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool import _core
from pyonnxtool.divergence.compare import Array, Comparison, compare, dtype_of
from pyonnxtool.divergence.probe import Values, described, open_part
from pyonnxtool.divergence.ties import is_tie
from pyonnxtool.errors import PyonnxtoolError
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.verdict import EPS, mismatched_non_finite

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.plan import Pair
    from pyonnxtool.divergence.sweep import Measured

_CLEARLY = 8.0
"""An error counts as a side's own when it is this many times the other side's."""


@dataclass(frozen=True)
class Ruling:
    """Errors of both sides against float64, all as largest |difference| over the output.

    `apart` is how far apart the sides are, `meaning` is how far apart the two models are in
    float64: no rounding is in it, so it is what the graphs themselves (attributes, weights,
    operators) make.
    """

    reference_error: float
    candidate_error: float
    meaning: float
    apart: float
    scale: float
    dtype: str

    def word(self, bound: float) -> str:
        """The ruling: a difference in meaning, one side wrong, or both within rounding."""
        rounding = self.reference_error + self.candidate_error
        least = 4 * EPS.get(self.dtype, 0.0) * self.scale
        if not self.meaning <= max(4 * rounding, least):
            return "candidate differs in meaning"
        if self._alone(self.candidate_error, self.reference_error, bound):
            return "candidate wrong"
        if self._alone(self.reference_error, self.candidate_error, bound):
            return "reference wrong"
        return "both within rounding"

    def believable(self, bound: float) -> bool:
        """False when neither side is near float64: then it computed something else than they."""
        return min(self.reference_error, self.candidate_error) <= max(bound, 0.25 * self.apart)

    def _alone(self, error: float, other: float, bound: float) -> bool:
        return not error <= bound and error > _CLEARLY * other

    def sentence(self, bound: float, swapped: bool = False) -> str:
        """For people, with the numbers. `swapped`: the user calls the reference the candidate."""
        if swapped:
            turned = replace(
                self, reference_error=self.candidate_error, candidate_error=self.reference_error
            )
            return turned.sentence(bound)
        word = self.word(bound)
        if word == "candidate differs in meaning":
            return (
                f"candidate wrong: in float64 the two still differ by {self.meaning:.2g}, "
                "so it is not rounding"
            )
        return (
            f"{word}: against float64 the reference is off by {self.reference_error:.2g}, "
            f"the candidate by {self.candidate_error:.2g}"
        )


class Referee:
    """Re-runs suspects on the reference's values of one sample, on both sides and in float64."""

    def __init__(
        self,
        case: Case,
        pairs: Sequence[Pair],
        suspects: Sequence[Measured],
        types: Mapping[str, str],
    ) -> None:
        self._case, self._types = case, types
        self._paired_reference = list({pair.reference for pair in pairs})
        self._paired_candidate = [pair.candidate for pair in pairs]
        self._source = {pair.candidate: pair.reference for pair in pairs}
        self._source |= {theirs: ours for ours, theirs in case.interface.inputs}
        self._values: dict[int, dict[str, Array]] = {}
        self._wanted = self._sources_of(suspects)

    def rule(self, measured: Measured) -> Ruling | None:
        """None when float64 cannot be had for this suspect, or it holds no floats."""
        found = measured.introduced
        if found is None or found.stats is None or found.dtype not in EPS:
            return None
        values = self._values_of(measured.sample)
        with np.errstate(all="ignore"):  # NaN and infinity are what is being looked for
            return self._ruling(measured, found, values)

    def is_tie(self, measured: Measured) -> bool:
        """The candidate picked other indices than the reference, of elements that are equal."""
        name = measured.pair.candidate
        node = self._case.candidate.model.graph.value(name).producer
        source = self._source.get(node.input_names[0]) if node is not None else None
        if node is None or source is None:
            return False
        values = self._values_of(measured.sample)
        if source not in values:
            return False
        names = {other: values[ours] for other, ours in self._source.items() if ours in values}
        try:
            made = self._made_by_candidate(name, names)
        except PyonnxtoolError:
            return False
        return is_tie(node, values[source], values[measured.pair.reference], made)

    def _ruling(
        self, measured: Measured, found: Comparison, values: dict[str, Array]
    ) -> Ruling | None:
        try:
            truth = self._exact(
                self._case.reference.model, self._paired_reference, measured.pair.reference, values
            )
            names = {name: values[ours] for name, ours in self._source.items() if ours in values}
            other = self._exact(
                self._case.candidate.model, self._paired_candidate, measured.pair.candidate, names
            )
            made = self._made_by_candidate(measured.pair.candidate, names)
        except (PyonnxtoolError, ValueError, TypeError, NotImplementedError):
            return None
        ours = values[measured.pair.reference]
        if not truth.shape == other.shape == made.shape == ours.shape:
            return None
        return Ruling(
            _distance(truth, ours),
            _distance(other, made),
            _distance(truth, other),
            math.inf if found.stats is None else float(found.stats.max_abs),
            found.scale,
            found.dtype,
        )

    def _exact(
        self, model: Model, given: Sequence[str], output: str, values: Mapping[str, Array]
    ) -> Array:
        from pyonnxtool.backends.fp64 import evaluate_fp64  # noqa: PLC0415 - loads onnx

        if model.graph.value(output).is_input:
            return values[output].astype(np.float64)
        types = described({name: values[name] for name in given if name in values})
        types |= described({v.name: values[v.name] for v in model.graph.inputs if v.name in values})
        part, inputs, (produced,) = _core.extract(
            model, [(name, *kind) for name, kind in types.items()], [output], True
        )
        return np.asarray(evaluate_fp64(part, {name: values[name] for name in inputs})[produced])

    def _made_by_candidate(self, output: str, values: Mapping[str, Array]) -> Array:
        fed = {
            name: value.astype(numpy_dtype(self._types.get(name, dtype_of(value))), copy=False)
            for name, value in values.items()
        }
        given = described({name: fed[name] for name in self._paired_candidate if name in fed})
        part = open_part(self._case.candidate, given, [output], detach=True)
        with part.session:
            return np.asarray(part.run(fed)[output])

    def _sources_of(self, suspects: Sequence[Measured]) -> list[str]:
        """Values of the reference that the suspects read or should equal."""
        wanted = set()
        for measured in suspects:
            read = _core.frontier(
                self._case.candidate.model,
                self._paired_candidate,
                [measured.pair.candidate],
                True,
            )
            wanted |= {self._source[name] for name in read if name in self._source}
            wanted |= set(
                _core.frontier(
                    self._case.reference.model,
                    self._paired_reference,
                    [measured.pair.reference],
                    True,
                )
            )
            wanted.add(measured.pair.reference)
        return sorted(wanted)

    def _values_of(self, sample: int) -> dict[str, Array]:
        if sample not in self._values:
            feeds = next(s.reference for s in self._case.samples if s.number == sample)
            self._case.reference.begin(sample, feeds)
            made = set(_core.produced_values(self._case.reference.model))
            wanted = [name for name in self._wanted if name in made]
            found: Values = {}
            if wanted:
                part = open_part(self._case.reference, {}, wanted)
                with part.session:
                    found = part.run(feeds)
                self._case.reference.runs += 1
            arrays = {n: value for n, value in found.items() if isinstance(value, np.ndarray)}
            self._values = {sample: {**feeds, **arrays}}
        return self._values[sample]


def _distance(first: Array, second: Array) -> float:
    """Largest |difference|; infinite when one has a NaN or infinity that the other has not."""
    found = compare(first.astype(np.float64), second.astype(np.float64))
    if found.stats is None or mismatched_non_finite(found.stats):
        return math.inf
    return float(found.stats.max_abs)
