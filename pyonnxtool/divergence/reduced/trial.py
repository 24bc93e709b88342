"""Some of a model's nodes as a model of their own, fed with what the reference recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.divergence.compare import Array
from pyonnxtool.divergence.plan import Pair, in_candidate_form
from pyonnxtool.divergence.probe import described, nbytes
from pyonnxtool.divergence.reduced.units import Anatomy, Unit
from pyonnxtool.divergence.search.isolated import Apart, Failed, Here
from pyonnxtool.errors import BackendError, ModelError
from pyonnxtool.model import from_proto, to_proto

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.probe import Sample, Side

Runner = Here | Apart

_INLINE = 64 << 20
"""Bytes up to which a value that constants make becomes an initializer again."""


class NotCuttable(Exception):  # noqa: N818 - an answer, not a mistake
    """These nodes make no model: a value that they read cannot be had, or none is left to see."""


@dataclass(frozen=True)
class Part:
    """A model that was cut out, and what it is fed."""

    model: Model
    feeds: Mapping[str, Array]


@dataclass(frozen=True)
class Trial:
    """The same nodes of both sides. `reference` is None where it has none to run."""

    candidate: Part
    reference: Part | None
    outputs: tuple[Pair, ...]
    nodes: int
    made: frozenset[str] = frozenset()
    """Those of the candidate's feeds that are no inputs of the whole model."""
    known: Mapping[str, Array] = field(default_factory=dict)
    """The reference's outputs that are not run: recorded, or made by none of its nodes."""


@dataclass
class Recordings:
    """Values of one side for one sample, computed when they are first asked for."""

    side: Side
    feeds: Mapping[str, Array]
    runner: Runner
    limit: int
    """Bytes that are kept; more are computed again when they are needed again."""
    _known: dict[str, Any] = field(default_factory=dict)

    def get(self, names: Sequence[str]) -> dict[str, Array]:
        """Raises NotCuttable for what cannot be computed or is no tensor."""
        missing = [name for name in names if name not in self._known and name not in self.feeds]
        if missing:
            self._learn(missing, keep=names)
        known = {**self._known, **self.feeds}
        for name in names:
            if not isinstance(known.get(name), np.ndarray):
                raise NotCuttable(f"{name!r} cannot be fed")
        return {name: known[name] for name in names}

    def prefetch(self, names: Sequence[str]) -> None:
        """Learn many values in one run.

        Nothing where they do not fit, or where the runtime does not tell sizes beforehand.
        """
        missing = [name for name in names if name not in self._known and name not in self.feeds]
        if not missing or self.side.recorded is not None or isinstance(self.runner, Apart):
            return
        guess = max((dim for array in self.feeds.values() for dim in array.shape), default=1)
        try:
            part = cut(self.side.model, self.feeds, missing)
            with self.side.open(part.model) as session:
                types = session.output_types
                sizes = [nbytes(*kind, guess) for kind in types.values()]
                if types and sum(sizes) <= self.limit:
                    self._known |= session.run(part.feeds)
                    self.side.runs += 1
        except (NotCuttable, BackendError):
            return

    def _learn(self, names: Sequence[str], keep: Iterable[str]) -> None:
        try:
            part = cut(self.side.model, self.feeds, names)
            if self.side.recorded is not None:
                with self.side.open(part.model) as session:  # which looks them up
                    self._known |= session.run(self.feeds)
            else:
                self._known |= self.runner.run(self.side, part.model, part.feeds)
        except (Failed, BackendError) as failure:
            raise NotCuttable(str(failure)) from failure
        wanted = {*names, *keep}
        for name in list(self._known):
            if self._held() <= self.limit:
                break
            if name not in wanted:
                del self._known[name]

    def _held(self) -> int:
        return sum(getattr(value, "nbytes", 0) for value in self._known.values())


class Cutter:
    """Makes trials of units: what was cut off above is fed, as the reference had it."""

    def __init__(
        self,
        candidate: Anatomy,
        reference: Anatomy | None,
        pairs: Sequence[Pair],
        sample: Sample,
        interface: Mapping[str, str],
        ours: Recordings,
        theirs: Recordings,
        *,
        together: bool,
    ) -> None:
        """`together`: the reference's outputs are wanted as well."""
        self._candidate, self._reference = candidate, reference
        self._pair = {pair.candidate: pair for pair in pairs}
        self._sample, self._ours, self._theirs = sample, ours, theirs
        self._together = together
        self._two_models = together and reference is not candidate
        self._source = {pair.candidate: pair.reference for pair in pairs} | dict(interface)
        self.open_shapes = False
        """Leave the shapes of the whole model's inputs as it declares them."""

    def trial(self, units: Sequence[Unit], outputs: Sequence[str] | None = None) -> Trial:
        """A trial of these units; of `outputs` only, where given. Raises NotCuttable."""
        theirs = frozenset(one for unit in units for one in unit.candidate)
        ours = frozenset(one for unit in units for one in unit.reference)
        pairs = [
            self._pair[name]
            for name in self._candidate.exposed(theirs)
            if name in self._pair and (outputs is None or name in outputs)
        ]
        if not pairs:
            raise NotCuttable("no value of these nodes has a counterpart")
        candidate, made = self._cut(
            self._candidate, theirs, [pair.candidate for pair in pairs], self._candidate_values
        )
        reference, known = None, list(dict.fromkeys(pair.reference for pair in pairs))
        if self._reference is not None:
            made_here = {name for one in ours for name in self._reference.makes[one]}
            run = [name for name in known if name in made_here]
            known = [name for name in known if name not in made_here]
            if run:
                reference, _ = self._cut(self._reference, ours, run, self._reference_values)
        expected = self._ours.get(known) if self._together else {}
        return Trial(candidate, reference, tuple(pairs), len(theirs), made, expected)

    def prefetch(self, units: Sequence[Unit]) -> None:
        """Record in one run what any choice of these units may have to be fed."""
        read = {
            name
            for unit in units
            for name in self._candidate.boundary(unit.candidate)
            if name not in self._sample.candidate
        }
        self._ours.prefetch([self._source[name] for name in read if name in self._source])
        if self._two_models:
            self._theirs.prefetch(list(read))

    def _cut(
        self,
        anatomy: Anatomy,
        ids: frozenset[int],
        outputs: Sequence[str],
        values: Callable[[Sequence[str]], dict[str, Array]],
    ) -> tuple[Part, frozenset[str]]:
        feeds = values(anatomy.boundary(ids))
        open_names = anatomy.inputs if self.open_shapes else ()
        part = cut(anatomy.model, feeds, outputs, anatomy.fixed, open_names)
        return part, frozenset(name for name in part.feeds if name not in anatomy.inputs)

    def _reference_values(self, names: Sequence[str]) -> dict[str, Array]:
        return self._ours.get(names)

    def _candidate_values(self, names: Sequence[str]) -> dict[str, Array]:
        given = self._sample.candidate
        source = {name: self._source[name] for name in names if name in self._source}
        recorded = self._ours.get([source[name] for name in source if name not in given])
        asked = [
            name for name in names if name not in given and (self._two_models or name not in source)
        ]
        own = self._theirs.get(asked)
        found = {}
        for name in names:
            if name in given:
                found[name] = given[name]
            elif name not in source:
                found[name] = own[name]
            elif name in own:
                found[name] = _in_form_of(own[name], self._pair[name], recorded[source[name]])
            else:
                found[name] = recorded[source[name]]
        return found


def _in_form_of(own: Array, pair: Pair, array: Array) -> Array:
    """The reference's value in the form, shape and dtype that the candidate's own has."""
    array = in_candidate_form(pair, array, {pair.candidate: own.shape})
    if array.shape != own.shape and array.size == own.size:
        array = array.reshape(own.shape)
    return array.astype(own.dtype, copy=False)


def cut(
    model: Model,
    feeds: Mapping[str, Array],
    outputs: Sequence[str],
    fixed: Iterable[str] = (),
    open_names: Iterable[str] = (),
) -> Part:
    """The smallest model that makes `outputs` from `feeds`.

    What constants alone make (`fixed`) is a constant again; inputs among `open_names` keep the
    shape that the model declares. Raises NotCuttable.
    """
    left_open = set(open_names)
    given = [
        (name, dtype, shape)
        for name, (dtype, shape) in described(feeds).items()
        if name not in left_open
    ]
    try:
        made, inputs, _ = _core.extract(model, given, list(outputs), False)
    except ModelError as error:
        raise NotCuttable(str(error)) from error
    constants = {
        name: feeds[name] for name in fixed if name in inputs and feeds[name].nbytes <= _INLINE
    }
    if constants:
        made = _with_initializers(made, constants)
    return Part(made, {name: feeds[name] for name in inputs if name not in constants})


def _with_initializers(model: Model, constants: Mapping[str, Array]) -> Model:
    from onnx import numpy_helper  # noqa: PLC0415 - loaded when it is needed

    proto = from_linked(model)
    left = [value for value in proto.graph.input if value.name not in constants]
    del proto.graph.input[:]
    proto.graph.input.extend(left)
    proto.graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(array), name)
        for name, array in constants.items()
    )
    return from_proto(proto, model.folder)


def with_output_types(part: Part, outputs: Mapping[str, Any]) -> Part:
    """The part with the types of its outputs, which `cut` leaves out; inferred if need be."""
    from onnx import helper, shape_inference  # noqa: PLC0415 - loaded when they are needed

    proto = from_linked(part.model)
    if any(value.name not in outputs for value in proto.graph.output):
        inferred = {value.name: value for value in shape_inference.infer_shapes(proto).graph.output}
        for value in proto.graph.output:
            value.CopyFrom(inferred[value.name])
    for value in proto.graph.output:
        made = outputs.get(value.name)
        if isinstance(made, np.ndarray):
            dtype = np.dtype(object) if made.dtype.kind in "US" else made.dtype
            kind = helper.np_dtype_to_tensor_dtype(dtype)
            value.type.CopyFrom(helper.make_tensor_type_proto(kind, made.shape))
    return Part(from_proto(proto, part.model.folder), part.feeds)


def from_linked(model: Model) -> Any:
    """The model as an `onnx.ModelProto` whose large weights stay in their files."""
    from onnx import ModelProto  # noqa: PLC0415 - loaded when it is needed

    if not model.folder:
        return to_proto(model)
    return ModelProto.FromString(model.to_bytes(weights="link", folder=model.folder))
