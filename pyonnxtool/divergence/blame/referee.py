"""The referee: what a suspect really computes, in float64, and so who of the two is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.backends import RunOptions
from pyonnxtool.backends.fp64 import Fp64
from pyonnxtool.divergence.blame.condition import Condition, estimate_condition
from pyonnxtool.divergence.blame.ties import is_tie
from pyonnxtool.divergence.bodies.turns import control_flow_pair
from pyonnxtool.divergence.compare import Array, Comparison, compare
from pyonnxtool.divergence.network.side import NetworkBackend
from pyonnxtool.divergence.plan import in_candidate_form
from pyonnxtool.divergence.probe import Values, as_type, described, open_part, type_of
from pyonnxtool.divergence.views import moved
from pyonnxtool.errors import PyonnxtoolError
from pyonnxtool.verdict import EPS, mismatched_non_finite

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.plan import Pair
    from pyonnxtool.divergence.sweep import Measured

_LARGEST_CONSTANT = 1 << 22
"""Elements of a weight that is perturbed too when a condition is estimated. Single numbers are
not: an exponent of 2 is meant to be 2."""
_NOT_IN_FLOAT64 = (PyonnxtoolError, ValueError, TypeError, KeyError, NotImplementedError)
"""What an evaluation raises that cannot be done; a value that was not kept is one reason."""
_FOLDED = 168
"""Spacings, relative to the scale, that folded constants (batch norm in a convolution) may make:
twice the tolerance of final outputs, as one layer of a trained ResNet-50 makes it."""
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
    condition: Condition | None = None
    """Of the reference's region; estimated where it can change the ruling."""
    one_graph: bool = False
    """The reference is no ONNX graph, so what is in float64 is the candidate's own node."""
    exported: bool = False
    """The candidate was made from the reference, which folds constants in its own dtype."""

    def word(self, bound: float) -> str:
        """The ruling: a difference in meaning, one side wrong, ill-conditioned, or rounding."""
        if self.differs_in_meaning:
            return "candidate differs in meaning"
        if self._explained(bound):
            return "ill-conditioned"
        if self._alone(self.candidate_error, self.reference_error, bound):
            return "candidate wrong"
        if self._alone(self.reference_error, self.candidate_error, bound):
            return "reference wrong"
        return "both within rounding"

    @property
    def worst(self) -> float:
        """The larger of the two errors."""
        return max(self.reference_error, self.candidate_error)

    def _explained(self, bound: float) -> bool:
        """Whether both errors are what rounding becomes in a region of this condition."""
        found = self.condition
        if found is None or not found.ill or not math.isfinite(self.worst):
            return False
        return self.worst <= bound * found.number

    @property
    def differs_in_meaning(self) -> bool:
        """In float64 the two are apart by more than either is from what it means itself."""
        rounding = self.reference_error + self.candidate_error
        least = (_FOLDED if self.exported else 4) * EPS.get(self.dtype, 0.0) * self.scale
        return not self.meaning <= max(4 * rounding, least)

    def believable(self, bound: float) -> bool:
        """False when neither side is near float64: then it computed something else than they.

        But where the condition explains how far they are from it, it did not.
        """
        return self._explained(bound) or min(self.reference_error, self.candidate_error) <= max(
            bound, 0.25 * self.apart
        )

    def _alone(self, error: float, other: float, bound: float) -> bool:
        return not error <= bound and error > _CLEARLY * other

    def sentence(self, bound: float, swapped: bool = False) -> str:
        """For people, with the numbers. `swapped`: the user calls the reference the candidate."""
        if self.one_graph and self.word(bound) == "reference wrong":
            return (
                f"{'reference' if swapped else 'candidate'} wrong as it is written: in float64 it "
                f"is still {self.reference_error:.2g} away, so it is not rounding"
            )
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
        if word == "ill-conditioned" and self.condition is not None:
            return self.condition.sentence()
        return (
            f"{word}: against float64 the reference is off by {self.reference_error:.2g}, "
            f"the candidate by {self.candidate_error:.2g}{self._not_by_condition(word)}"
        )

    def _not_by_condition(self, word: str) -> str:
        if self.condition is None or not word.endswith("wrong"):
            return ""
        return f"; its condition, about {self.condition.number:.2g}, does not explain that"


class Referee:
    """Re-runs suspects on the reference's values of one sample, on both sides and in float64."""

    def __init__(
        self,
        case: Case,
        pairs: Sequence[Pair],
        suspects: Sequence[Measured],
        types: Mapping[str, str],
        shapes: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        self._case, self._types, self._shapes = case, types, shapes or {}
        self._views = [pair for pair in pairs if pair.view is not None]
        self._paired_reference = list({pair.reference for pair in pairs})
        self._paired_candidate = [pair.candidate for pair in pairs]
        self._source = {pair.candidate: pair.reference for pair in pairs}
        self._source |= {theirs: ours for ours, theirs in case.interface.inputs}
        self._values: dict[int, dict[str, Array]] = {}
        self._wanted = self._sources_of(suspects)

    def rule(self, measured: Measured, bound: float) -> Ruling | None:
        """None when float64 cannot be had for this suspect, or it holds no floats.

        `bound` is what rounding explains. Where a side is off by more, and the models mean the
        same, it depends on the condition who is to blame.
        """
        found = measured.introduced
        if found is None or found.stats is None or found.dtype not in EPS:
            return None
        if self._is_searched_inside(measured):
            return None
        values = self._values_of(measured.sample)
        if not isinstance(values.get(measured.pair.reference), np.ndarray):
            return None
        with np.errstate(all="ignore"):  # NaN and infinity are what is being looked for
            ruling = self._ruling(measured, found, values)
        if ruling is None or ruling.differs_in_meaning or ruling.worst <= bound:
            return ruling
        return replace(ruling, condition=self.condition(measured))

    def condition(self, measured: Measured) -> Condition | None:
        """How the region amplifies rounding of its inputs and constants, on the better side.

        What one of two ways to compute the same makes of rounding is that way's fault; what both
        make of it is the problem's. None where float64 cannot be had, or nothing that is read is
        a float.
        """
        found = measured.introduced or measured.accumulated
        if found is None or found.dtype not in EPS or self._is_searched_inside(measured):
            return None
        values = self._values_of(measured.sample)
        pair = measured.pair
        sides = (
            (self._case.reference.model, self._paired_reference, pair.reference, values),
            (
                self._case.candidate.model,
                self._paired_candidate,
                pair.candidate,
                self._fed_values(values),
            ),
        )
        known = [self._condition(*side, found.dtype) for side in sides]
        return min(filter(None, known), key=lambda one: one.number, default=None)

    def _is_searched_inside(self, measured: Measured) -> bool:
        """Bodies are compared turn by turn instead: in float64 each turn would run in Python."""
        pair, case = measured.pair, self._case
        sides = (
            (case.reference.model, self._paired_reference, pair.reference),
            (case.candidate.model, self._paired_candidate, pair.candidate),
        )
        ours, theirs = (
            [model.graph.node(index) for index in _core.region(model, given, [name], True)]
            for model, given, name in sides
        )
        return case.reference.recorded is None and control_flow_pair(ours, theirs) is not None

    def _condition(
        self,
        model: Model,
        given: Sequence[str],
        output: str,
        values: Mapping[str, Array],
        dtype: str,
    ) -> Condition | None:
        if model.graph.value(output).is_input:
            return None
        try:
            part, inputs, produced = self._region(model, given, output, values)
            fed = {name: values[name] for name in inputs}
            if not all(isinstance(value, np.ndarray) for value in fed.values()):
                return None  # the items of a sequence are not perturbed
            for tensor in part.graph.initializers:
                if tensor.dtype in EPS and 1 < math.prod(tensor.shape) <= _LARGEST_CONSTANT:
                    fed[tensor.name] = tensor.numpy()
            with np.errstate(all="ignore"), Fp64().open(part, RunOptions()) as session:
                return estimate_condition(
                    lambda wide: np.asarray(session.run(wide)[produced]), fed, dtype
                )
        except _NOT_IN_FLOAT64:
            return None

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
        names = self._fed_values(values)
        try:
            made = self._made_by_candidate(name, names)
        except PyonnxtoolError:
            return False
        # In the candidate's precision: what half precision makes equal are equals.
        data = as_type(values[source], self._types.get(node.input_names[0]))
        return is_tie(node, data, values[measured.pair.reference], made)

    def _ruling(
        self, measured: Measured, found: Comparison, values: dict[str, Array]
    ) -> Ruling | None:
        try:
            told = self._told_by_network(measured)
            truth = (
                told
                if told is not None
                else self._exact(
                    self._case.reference.model,
                    self._paired_reference,
                    measured.pair.reference,
                    values,
                )
            )
            names = self._fed_values(values)
            other = self._exact(
                self._case.candidate.model, self._paired_candidate, measured.pair.candidate, names
            )
            made = self._made_by_candidate(measured.pair.candidate, names)
        except _NOT_IN_FLOAT64:
            return None
        ours = values[measured.pair.reference]
        if measured.pair.view is not None:
            other = measured.pair.view.to_reference(other, ours.shape)
            made = measured.pair.view.to_reference(made, ours.shape)
        if not truth.shape == other.shape == made.shape == ours.shape:
            return None
        return Ruling(
            _distance(truth, ours),
            _distance(other, made),
            _distance(truth, other),
            math.inf if found.judged is None else float(found.judged.max_abs),
            float(found.judged.ref_abs_max) if found.judged is not None else 0.0,
            found.dtype,
            exported=isinstance(self._case.reference.backend, NetworkBackend),
            one_graph=told is None and isinstance(self._case.reference.backend, NetworkBackend),
        )

    def _told_by_network(self, measured: Measured) -> Array | None:
        """What a network that is the reference means there, where it can be had in float64."""
        backend = self._case.reference.backend
        if not isinstance(backend, NetworkBackend):
            return None
        feeds = next(s.reference for s in self._case.samples if s.number == measured.sample)
        return backend.exact(feeds, measured.pair.reference, self._paired_reference)

    def _fed_values(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """The reference's values under the candidate's names, in the candidate's form."""
        fed = {name: values[ours] for name, ours in self._source.items() if ours in values}
        for name, perm in self._case.interface.moved.items():
            fed[name] = moved(fed[name], perm)
        for pair in self._views:
            if pair.candidate in fed:
                fed[pair.candidate] = in_candidate_form(pair, fed[pair.candidate], self._shapes)
        return fed

    def _exact(
        self, model: Model, given: Sequence[str], output: str, values: Mapping[str, Array]
    ) -> Array:
        if model.graph.value(output).is_input:
            return values[output].astype(np.float64)
        part, inputs, produced = self._region(model, given, output, values)
        with Fp64().open(part, RunOptions()) as session:
            return np.asarray(session.run({name: values[name] for name in inputs})[produced])

    @staticmethod
    def _region(
        model: Model, given: Sequence[str], output: str, values: Mapping[str, Array]
    ) -> tuple[Model, list[str], str]:
        """What makes `output` from paired values, as a model, with its inputs and output."""
        types = described({name: values[name] for name in given if name in values})
        types |= described({v.name: values[v.name] for v in model.graph.inputs if v.name in values})
        part, inputs, (produced,) = _core.extract(
            model, [(name, *kind) for name, kind in types.items()], [output], True
        )
        return part, inputs, produced

    def _made_by_candidate(self, output: str, values: Mapping[str, Array]) -> Array:
        fed = {name: as_type(value, self._types.get(name)) for name, value in values.items()}
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
            known: dict[str, Any] = {n: found[n] for n in found if type_of(found[n]) is not None}
            self._values = {sample: {**feeds, **known}}
        return self._values[sample]


def _distance(first: Array, second: Array) -> float:
    """Largest |difference|; infinite when one has a NaN or infinity that the other has not."""
    found = compare(first.astype(np.float64), second.astype(np.float64))
    if found.stats is None or mismatched_non_finite(found.stats):
        return math.inf
    return float(found.judged.max_abs) if found.judged is not None else math.inf
