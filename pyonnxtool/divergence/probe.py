"""One side of a comparison, and the parts of it that are run to see inside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.divergence.compare import Array, dtype_of
from pyonnxtool.divergence.recorded import RecordedBackend
from pyonnxtool.errors import BackendError
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.backends import Backend, Output, RunOptions, Session

Values = dict[str, "Output"]
Feeds = Mapping[str, Array]
Types = dict[str, tuple[str | None, tuple[int, ...] | None]]
"""Name to dtype and shape; None where the model's own declaration holds."""

_NODE_BY_NODE = ("reference", "fp64", "torch")
"""Backends that fuse nothing. Any other may, also one that is not ours."""


@dataclass(frozen=True)
class Sample:
    """Inputs of the reference, and the same under the candidate's names."""

    number: int
    reference: Feeds
    candidate: Feeds


@dataclass
class Side:
    """A model on the backend that runs it. `runs` counts what was run, for the report."""

    text: str
    model: Model
    backend: Backend | RecordedBackend
    options: RunOptions
    runs: int = 0
    _whole: Session | None = field(default=None, repr=False)
    untouched: Model | None = None
    """The model as it was given, where `model` is a copy with its functions inlined."""

    def open(self, model: Model) -> Session:
        """A session of a part of this side's model. Raises BackendError that names the side."""
        try:
            return self.backend.open(model, self.options)
        except BackendError as error:
            raise BackendError(f"{self.text}: {error}") from error

    def whole(self) -> Session:
        """The session of the untouched model, kept open until `close`."""
        if self._whole is None:
            try:
                self._whole = self.open(self.untouched or self.model)
            except BackendError:
                if self.untouched is None:
                    raise
                # An evaluator may want functions in an order; inlined they are nodes like others.
                self._whole = self.open(self.model)
        return self._whole

    def run_whole(self, feeds: Feeds, *, last: bool = False) -> Values:
        """The outputs of the untouched model.

        The `last` run closes its session, and so gives back the weights that it mapped.
        """
        outputs = self.whole().run(feeds)
        self.runs += 1
        if last:
            self.close()
        return outputs

    def close(self) -> None:
        """Close the session of the untouched model."""
        if self._whole is not None:
            self._whole.close()
            self._whole = None

    def begin(self, sample: int, feeds: Feeds) -> None:
        """Says which sample is next: recorded values are looked up by its number."""
        if isinstance(self.backend, RecordedBackend):
            self.backend.begin(sample, feeds)

    @property
    def recorded(self) -> RecordedBackend | None:
        """What was recorded, where this side is no model that is run."""
        return self.backend if isinstance(self.backend, RecordedBackend) else None

    @property
    def repeatable(self) -> bool:
        """The backend promises the same bits for the same inputs."""
        return self.backend.repeatable(self.untouched or self.model, self.options)

    @property
    def fuses(self) -> bool:
        """True when marking a value may change how its neighbours are computed."""
        if self.recorded is not None or self.backend.name in _NODE_BY_NODE:
            return False
        return self.options.level != "none"


@dataclass(frozen=True)
class Part:
    """A session that computes some values of one side from others."""

    session: Session
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    """Names in the side's own model, in the order of `produced`."""
    produced: tuple[str, ...]
    """Names that the part gives them: a detached part renames what it is fed."""

    def run(self, values: Mapping[str, Output]) -> Values:
        """`values` holds at least what the part reads, by the names of the side's model."""
        made = self.session.run({name: _fed(values[name]) for name in self.inputs})
        return {
            name: made[produced] for name, produced in zip(self.outputs, self.produced, strict=True)
        }

    def close(self) -> None:
        """Close the session; values that it returned stay valid."""
        self.session.close()


def open_part(
    side: Side,
    given: Types,
    outputs: Sequence[str],
    *,
    detach: bool = False,
) -> Part:
    """The part of `side` that computes `outputs` from `given` (name to dtype and shape)."""
    model, inputs, produced = _core.extract(
        side.model,
        [(name, dtype, shape) for name, (dtype, shape) in given.items()],
        list(outputs),
        detach,
    )
    return Part(side.open(model), tuple(inputs), tuple(outputs), tuple(produced))


def described(values: Mapping[str, Output]) -> Types:
    """Name to type and shape of the tensors and sequences among `values`, for `open_part`."""
    return {
        name: (kind, value.shape if isinstance(value, np.ndarray) else None)
        for name, value in values.items()
        if (kind := type_of(value)) is not None
    }


def type_of(value: object) -> str | None:
    """The text "float32" or "sequence(float32)"; None for what cannot be handed on.

    That is an optional without content, a map, and a sequence that is empty: its type is unknown.
    """
    if isinstance(value, np.ndarray):
        return dtype_of(value)
    if isinstance(value, list) and value and all(isinstance(item, np.ndarray) for item in value):
        return f"sequence({dtype_of(value[0])})"
    return None


def as_type(value: Any, kind: str | None) -> Any:
    """A tensor or sequence with its elements in the dtype of `kind`, as `type_of` writes it."""
    if isinstance(value, list):
        inner = (kind or "").removeprefix("sequence(").removesuffix(")")
        return [as_type(item, inner) for item in value]
    if not isinstance(value, np.ndarray) or not kind or dtype_of(value) == kind:
        return value
    return _in_range(value, kind).astype(numpy_dtype(kind))


def _in_range(value: Array, dtype: str) -> Array:
    """Finite numbers that float16 cannot hold become its largest: a mask stays a mask.

    The node that makes such a number overflows by itself; those that read it are asked what they
    make of what there is.
    """
    if dtype != "float16" or value.dtype.kind != "f":
        return value
    most = float(np.finfo(np.float16).max)
    return np.where(np.isfinite(value), np.clip(value, -most, most), value)


def nbytes(dtype: str | None, shape: Sequence[int | str | None] | None, guess: int = 1) -> int:
    """Bytes of a tensor, with `guess` for a dim that is not known; 0 for what is no tensor."""
    if dtype is None or dtype.startswith("sequence"):
        return 0
    dims = [dim if isinstance(dim, int) else guess for dim in shape or ()]
    return math.prod(dims) * numpy_dtype(dtype).itemsize


def shapes_of(side: Side, feeds: Values, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Shapes of some tensors, from a run that returns nothing else; those of feeds are known."""
    known = {
        name: value.shape for name in names if isinstance(value := feeds.get(name), np.ndarray)
    }
    names = [name for name in names if name not in known]
    if not names:
        return known
    given = [(name, *kind) for name, kind in described(feeds).items()]
    model, inputs, shapes = _core.extract_shapes(side.model, given, list(names))
    with side.open(model) as session:
        made = session.run({name: _fed(feeds[name]) for name in inputs})
    side.runs += 1
    return known | {
        name: tuple(int(size) for size in _fed(made[shape]))
        for name, shape in zip(names, shapes, strict=True)
    }


def _fed(value: Any) -> Array:
    if not isinstance(value, np.ndarray | list):
        raise AssertionError("only tensors and sequences are handed from part to part")
    return value  # type: ignore[return-value]  # a runtime takes a sequence as a list of arrays
