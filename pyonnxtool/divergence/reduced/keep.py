"""What a smaller model still has to show: a difference, a crash, a NaN, a command's complaint."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pyonnxtool.divergence.compare import Comparison, compare, dtype_of
from pyonnxtool.divergence.plan import Pair, in_reference_form
from pyonnxtool.divergence.reduced.trial import Runner, Trial
from pyonnxtool.divergence.rounding import op_info, terms
from pyonnxtool.divergence.search.isolated import Failed
from pyonnxtool.feeds.dtypes import is_float
from pyonnxtool.verdict import EPS, Tolerances, mismatched_non_finite, rounding_bound

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.probe import Side, Values

_LEAST_SHARE = 1e-3
"""Of the whole model's relative difference: less is another, smaller difference."""


@dataclass(frozen=True)
class Shown:
    """What a run showed."""

    text: str
    """For one line: "y differs by 3.1e-02 of its scale"."""
    outputs: tuple[str, ...] = ()
    """The candidate's names of the outputs that show it; none: it is no matter of outputs."""
    found: Mapping[str, Comparison] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    """Largest |difference| that would have been accepted, by output."""
    reference: Mapping[str, Any] = field(default_factory=dict)
    candidate: Mapping[str, Any] = field(default_factory=dict)


class Keep(Protocol):
    """Decides whether a trial still shows what is to be kept."""

    word: str
    """"diverges", "crashes", "nan" or "check"."""

    def shows(self, trial: Trial) -> Shown | None:
        """What the trial shows, None where it shows nothing (or something else)."""


class Diverges:
    """An output differs by more than the tolerance, and by more than rounding explains."""

    word = "diverges"

    def __init__(
        self, reference: Side, candidate: Side, runner: Runner, tolerances: Tolerances
    ) -> None:
        self._reference, self._candidate, self._runner = reference, candidate, runner
        self._tolerances = tolerances
        self._whole = 0.0
        self._shapes_count = True

    def start(self, shown: Shown) -> None:
        """What the whole models show: smaller ones have to show as much of the same kind.

        Where their outputs agree in shape, a value on the way that only one exporter flattens is
        no difference.
        """
        worst = [shown.found[name] for name in shown.outputs]
        self._whole = max(one.relative for one in worst)
        self._shapes_count = any(one.stats is None for one in worst)

    def shows(self, trial: Trial) -> Shown | None:
        """Runs both parts; None also where one of them cannot be run."""
        try:
            reference = self._expected(trial)
            candidate = self._runner.run(
                self._candidate, trial.candidate.model, trial.candidate.feeds
            )
        except Failed:
            return None
        return self.judged(trial.outputs, trial.candidate.model, reference, candidate)

    def judged(
        self, outputs: tuple[Pair, ...], model: Model, reference: Values, candidate: Values
    ) -> Shown | None:
        """The same for outputs that are known."""
        found = {
            pair.candidate: self._compared(
                pair, reference[pair.reference], candidate[pair.candidate]
            )
            for pair in outputs
        }
        limits = {name: self._limit(model, name, one) for name, one in found.items()}
        differ = tuple(name for name, one in found.items() if self._differs(name, one, limits))
        if not differ:
            return None
        worst = max(differ, key=lambda name: found[name].relative)
        return Shown(
            _told(worst, found[worst]), differ, found, limits, dict(reference), dict(candidate)
        )

    def _expected(self, trial: Trial) -> Values:
        if trial.reference is None:
            return dict(trial.known)
        part = trial.reference
        return {**trial.known, **self._runner.run(self._reference, part.model, part.feeds)}

    def _compared(self, pair: Pair, ours: object, theirs: object) -> Comparison:
        found = compare(ours, in_reference_form(pair, ours, theirs))
        both = isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray)
        if found.stats is None and both and not self._shapes_count:
            assert isinstance(ours, np.ndarray)
            assert isinstance(theirs, np.ndarray)
            if ours.size != theirs.size:
                return compare(ours, ours)
            return compare(ours, theirs.reshape(ours.shape))
        return found

    def _limit(self, model: Model, name: str, found: Comparison) -> float:
        limit = self._tolerances.output_limit(name, found.dtype).absolute(found.scale)
        if self._tolerances.limit(name).given or found.dtype not in EPS:
            return limit
        least = _LEAST_SHARE * self._whole * found.scale if math.isfinite(self._whole) else 0.0
        return max(limit, least, self._rounding(model, name, found))

    def _rounding(self, model: Model, name: str, found: Comparison) -> float:
        node = model.graph.value(name).producer
        if node is None:
            return 0.0
        info = op_info(node)
        if info is not None and info.accumulation in ("reduce", "norm"):
            return 0.0  # its scale is that of what is summed, which is not at hand

        def shape_of(read: str) -> tuple[int, ...] | None:
            shape = model.graph.value(read).shape
            sizes = tuple(size for size in shape or () if isinstance(size, int))
            return sizes if shape is not None and len(sizes) == len(shape) else None

        return rounding_bound(found.dtype, terms(node, shape_of, found.shape), found.scale)

    def _differs(self, name: str, found: Comparison, limits: Mapping[str, float]) -> bool:
        if found.stats is None or mismatched_non_finite(found.stats):
            return True
        if found.identical:
            return False
        if self._tolerances.limit(name).given:
            return not self._tolerances.output_limit(name, found.dtype).holds(found.stats)
        return found.stats.max_abs > limits[name] or found.dtype not in EPS


class Crashes:
    """The runtime dies, hangs or refuses in the same way as on the whole model."""

    word = "crashes"

    def __init__(self, candidate: Side, runner: Runner, failure: Failed) -> None:
        self._candidate, self._runner, self._failure = candidate, runner, failure

    def shows(self, trial: Trial) -> Shown | None:
        """One run of the candidate's part."""
        try:
            self._runner.run(self._candidate, trial.candidate.model, trial.candidate.feeds)
        except Failed as failure:
            kind = (self._failure.how, self._failure.signature)
            return Shown(str(failure)) if (failure.how, failure.signature) == kind else None
        return None


class GivesNan:
    """A NaN (or, where the whole model gives only infinities, an infinity) out of finite values.

    The model's own inputs may hold what they hold; values that were cut off have to be finite, so
    that the node that makes the first of them stays.
    """

    word = "nan"

    def __init__(self, candidate: Side, runner: Runner, *, infinity: bool = False) -> None:
        self._candidate, self._runner, self._infinity = candidate, runner, infinity

    def shows(self, trial: Trial) -> Shown | None:
        """One run of the candidate's part."""
        feeds = trial.candidate.feeds
        if not all(_finite(feeds[name]) for name in trial.made):
            return None
        try:
            outputs = self._runner.run(self._candidate, trial.candidate.model, feeds)
        except Failed:
            return None
        return self.judged(outputs)

    def judged(self, outputs: Values) -> Shown | None:
        """The same for outputs that are known."""
        bad = tuple(name for name, value in outputs.items() if self._count(value))
        if not bad:
            return None
        word = "infinite values" if self._infinity else "NaN"
        places = self._count(outputs[bad[0]])
        return Shown(f"{bad[0]} holds {word} at {places} places", bad, candidate=dict(outputs))

    def _count(self, value: object) -> int:
        if not isinstance(value, np.ndarray) or not is_float(dtype_of(value)):
            return 0
        wrong = ~np.isfinite(value) if self._infinity else np.isnan(value)
        return int(np.count_nonzero(wrong))


class Complains:
    """A command, or a function of the user's, says that the bug is still there."""

    word = "check"

    def __init__(self, ask: Callable[[Trial], str]) -> None:
        self._ask = ask

    def shows(self, trial: Trial) -> Shown | None:
        """`ask` gives what the user is told, or nothing where the bug is gone."""
        told = self._ask(trial)
        return Shown(told) if told else None


def _told(name: str, found: Comparison) -> str:
    if found.stats is None or found.note:
        return f"{name}: {found.note}"
    if not math.isfinite(found.relative):
        return f"{name} differs at {found.stats.unequal} places"
    return f"{name} differs by {found.relative:.1e} of its scale"


def _finite(value: np.ndarray[Any, Any]) -> bool:
    return not is_float(dtype_of(value)) or bool(np.isfinite(value).all())
