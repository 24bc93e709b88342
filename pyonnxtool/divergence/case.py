"""Two sides, their inputs, and which value of one is which of the other."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.divergence.functions import opened
from pyonnxtool.divergence.pairing.fingerprints import pair_by_values
from pyonnxtool.divergence.pairing.forms import Form
from pyonnxtool.divergence.pairing.given_pairs import (
    GivenPair,
    ValueMap,
    given_pairs,
    kept_names,
)
from pyonnxtool.divergence.plan import Pair
from pyonnxtool.divergence.probe import Sample, Side
from pyonnxtool.divergence.quantized.detour import line_up_quantized
from pyonnxtool.divergence.quantized.noise import Quantization
from pyonnxtool.divergence.quantized.pairs import QuantizedAlignment
from pyonnxtool.divergence.sweep import Progress
from pyonnxtool.divergence.training import training_notes
from pyonnxtool.divergence.views import Rearranged, moved
from pyonnxtool.errors import UsageError
from pyonnxtool.feeds import check_feeds, generate_feeds, load_feeds
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.interface import Axes, Interface, match_interface
from pyonnxtool.report import Coverage

if TYPE_CHECKING:
    from pyonnxtool._core import Alignment, Model, Node

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SMALLEST_BUDGET = 1 << 20


@dataclass
class Case:
    """Everything that is fixed before the first comparison."""

    reference: Side
    candidate: Side
    interface: Interface
    alignment: Alignment | QuantizedAlignment
    pairs: list[Pair]
    outputs: list[Pair]
    samples: list[Sample]
    memory: int
    progress: Progress
    swapped: bool = False
    """The user's candidate was recorded, so it is the reference here: the model's nodes are run
    on the recorded values."""
    takes: Callable[[str], bool] = lambda name: True
    """Whether a value of the candidate passes --only and --skip."""
    quantization: Quantization | None = None
    """How much noise the candidate's quantization explains, where it is quantized otherwise."""
    told: Collection[str] = ()
    """Values of the candidate of which the caller told how they hold the reference's numbers."""
    is_body: bool = False
    """The models are bodies of a pair of nodes, so whatever differs is inside."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is said of the models before anything is compared."""
        models = {id(side.model): side.model for side in (self.reference, self.candidate)}
        trained = [note for model in models.values() for note in training_notes(model)]
        recorded = self.reference.recorded
        told = recorded.notes if recorded is not None else ()
        return (*self.interface.notes, *told, *dict.fromkeys(trained))

    @property
    def is_settled(self) -> bool:
        """Pairs were told, not guessed: of recorded values, or by quantization."""
        return self.reference.recorded is not None or self.quantization is not None

    @property
    def texts(self) -> tuple[str, str]:
        """The user's reference and candidate."""
        names = (self.reference.text, self.candidate.text)
        return (names[1], names[0]) if self.swapped else names

    @property
    def coverage(self) -> Coverage:
        """Of the reference's values: paired, or why not."""
        ambiguous = len(self.alignment.ambiguous)
        fused = len(self.alignment.fused)
        missing = len(self.alignment.unmatched_reference) - fused
        return Coverage(
            compared=len({pair.reference for pair in self.pairs}),
            fused=fused + (self.reference.recorded.unseen if self.reference.recorded else 0),
            ambiguous=min(ambiguous, missing),
            unmatched=max(0, missing - ambiguous),
        )

    def close(self) -> None:
        """Close both sides."""
        self.reference.close()
        self.candidate.close()


@contextmanager
def open_case(
    reference: Side,
    candidate: Side,
    *,
    inputs: object = None,
    samples: int = 1,
    seed: int = 0,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    memory: str | int = "2GiB",
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    progress: Progress | None = None,
    value_map: ValueMap = (),
) -> Iterator[Case]:
    """Pair the two models and make their inputs; closes both sides at the end.

    `value_map` holds pairs of values that the user vouches for, or what a rewrite says of them.

    Raises UsageError for inputs that do not fit, and for models that have nothing in common.
    """
    swapped = candidate.recorded is not None
    if swapped:
        reference, candidate = candidate, reference
    if reference.recorded is not None and inputs is None:
        inputs = reference.recorded.held_inputs(candidate.model, samples)
    (reference, closed), (candidate, more) = opened(reference), opened(candidate)
    given = given_pairs(value_map, reference.model, candidate.model)
    if not given and reference.recorded is None:
        given = kept_names(reference.model, candidate.model)
    renamed = {one.candidate: one.reference for one in given}
    interface = match_interface(reference.model, candidate.model, _told_perms(given), renamed)
    shapes = _shapes(reference, inputs, shapes, dims)
    interface = replace(interface, notes=(*interface.notes, *closed, *more))
    models = (reference.model, interface, candidate.model)
    fed = list(_samples(*models, inputs, samples, seed, shapes, dims))
    names = (list(interface.inputs), list(interface.outputs))

    def watched() -> list[Sample]:
        # One generated sample alone may hold equal values by chance.
        more = inputs is None and samples == 1
        return list(_samples(*models, None, 2, seed, shapes, dims)) if more else fed

    budget = parse_memory(memory)
    quantized = None
    if not _rewritten(given):
        quantized = line_up_quantized(
            reference, candidate, *names, watched, memory=budget, progress=progress or _silent
        )
    lineup = quantized or pair_by_values(
        reference,
        candidate,
        *names,
        watched,
        memory=budget,
        given=[*_moved_inputs(interface), *given],
        progress=progress or _silent,
    )
    alignment = lineup.alignment
    chosen = _Filter(only, skip, candidate.model)
    pairs = [pair for pair in lineup.pairs if chosen.takes(pair.candidate)]
    if alignment.values and not pairs:
        raise UsageError(f"no value fits --only {' '.join(only)} --skip {' '.join(skip)}")
    viewed = {(pair.reference, pair.candidate): pair for pair in lineup.pairs if pair.view}
    outputs = [viewed.get(names) or _output(names, interface) for names in interface.outputs]
    if reference.recorded is not None:
        known = reference.recorded.names(fed[0].reference)
        pairs = [pair for pair in pairs if pair.reference in known]
        outputs = _recorded_outputs(outputs, known, reference.text)
    case = Case(
        reference,
        candidate,
        interface,
        alignment,
        pairs,
        outputs,
        fed,
        budget,
        progress or _silent,
        swapped,
        chosen.takes,
        Quantization(candidate.model, fed[0].candidate, reference.model) if quantized else None,
        {one.candidate for one in given if one.form is not None},
    )
    try:
        yield case
    finally:
        case.close()


def _rewritten(given: Sequence[GivenPair]) -> bool:
    """Whether a rewrite told of the pairs: it keeps what is quantized, whatever operators do it."""
    return any(one.form is not None for one in given)


def _told_perms(given: Sequence[GivenPair]) -> dict[str, Axes | None]:
    """What is known of how the candidate's values lie; None: as the reference's."""
    perms: dict[str, Axes | None] = {}
    for one in given:
        view = one.form.view if one.form is not None else None
        if isinstance(view, Rearranged):
            perms[one.candidate] = view.perm
        elif one.form is not None:
            perms[one.candidate] = None
    return perms


def _moved_inputs(interface: Interface) -> list[GivenPair]:
    return [
        GivenPair(ours, theirs, Form(Rearranged(interface.moved[theirs])))
        for ours, theirs in interface.inputs
        if theirs in interface.moved
    ]


def _output(names: tuple[str, str], interface: Interface) -> Pair:
    """A final output of which only its declared shape tells in which form it comes."""
    perm = interface.moved_outputs.get(names[1])
    return Pair(*names, view=Rearranged(perm) if perm is not None else None)


def _silent(stage: str, done: int, total: int) -> None:
    pass


def parse_memory(text: str | int) -> int:
    """Bytes in "2GiB", "500MB", "1.5g" or a number. Units are powers of 1024."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", str(text).lower())
    amount = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if amount < _SMALLEST_BUDGET:
        raise UsageError(f"--memory {text}: give 1MiB or more, for example --memory 500MiB")
    return amount


def _samples(
    model: Model,
    interface: Interface,
    candidate: Model,
    inputs: object,
    samples: int,
    seed: int,
    shapes: Mapping[str, Sequence[int]] | None,
    dims: Mapping[str, int] | None,
) -> Iterator[Sample]:
    dtypes = {value.name: value.dtype for value in candidate.graph.inputs}
    for number, feeds in enumerate(feeds_of(model, inputs, samples, seed, shapes, dims)):
        theirs = {}
        for ours, name in interface.inputs:
            if ours in feeds:
                perm = interface.moved.get(name)
                given = feeds[ours] if perm is None else moved(feeds[ours], perm)
                theirs[name] = _as_dtype(given, dtypes.get(name))
        yield Sample(number, feeds, theirs)


def _shapes(
    reference: Side,
    inputs: object,
    shapes: Mapping[str, Sequence[int]] | None,
    dims: Mapping[str, int] | None,
) -> Mapping[str, Sequence[int]] | None:
    """What the user asked for, and for the rest what the network was written for."""
    if inputs is not None or dims or reference.recorded is None:
        return shapes
    return {**reference.recorded.input_shapes(), **(shapes or {})} or None


def _recorded_outputs(outputs: list[Pair], known: set[str], text: str) -> list[Pair]:
    there = [pair for pair in outputs if pair.reference in known]
    if not there:
        wanted = ", ".join(repr(pair.reference) for pair in outputs)
        raise UsageError(
            f"{text} holds none of the model's outputs ({wanted}); "
            f"it has {', '.join(sorted(known)[:8]) or 'nothing'}"
        )
    return there


def feeds_of(
    model: Model,
    inputs: object,
    samples: int,
    seed: int,
    shapes: Mapping[str, Sequence[int]] | None,
    dims: Mapping[str, int] | None,
) -> list[dict[str, Any]]:
    """All sets of inputs that `inputs` stands for; without it `samples` generated ones."""
    if samples < 1:
        raise UsageError("--samples: at least 1 is needed")
    if inputs is None:
        return generate_feeds(model, samples, seed, shapes, dims)
    if isinstance(inputs, str | Path):
        # One sample unless more are asked for, except that all files of a folder are meant.
        return load_feeds(inputs, model, samples if samples > 1 else None)
    if isinstance(inputs, Mapping):
        inputs = [inputs]
    if not isinstance(inputs, Iterable):
        raise UsageError(f"inputs: a path, a mapping or several are expected, not {inputs!r}")
    given = [dict(feeds) for feeds in inputs]
    for feeds in given:
        check_feeds(model, feeds)
    return given


def _as_dtype(array: Any, dtype: str | None) -> Any:
    """A float16 candidate is fed the same numbers, rounded to float16."""
    if not isinstance(array, np.ndarray) or dtype in (None, "string"):
        return array
    wanted = numpy_dtype(dtype)
    return array if array.dtype == wanted else array.astype(wanted)


class _Filter:
    """--only and --skip: patterns of value names, or op:PATTERN of operator types."""

    def __init__(self, only: Sequence[str], skip: Sequence[str], model: Model) -> None:
        self._only, self._skip, self._graph = only, skip, model.graph

    def takes(self, name: str) -> bool:
        if not self._only and not self._skip:
            return True
        node = self._graph.value(name).producer
        wanted = not self._only or any(self._fits(name, node, rule) for rule in self._only)
        return wanted and not any(self._fits(name, node, rule) for rule in self._skip)

    @staticmethod
    def _fits(name: str, node: Node | None, rule: str) -> bool:
        if rule.startswith("op:"):
            return node is not None and fnmatch.fnmatchcase(node.op_type, rule[3:])
        return fnmatch.fnmatchcase(name, rule)
