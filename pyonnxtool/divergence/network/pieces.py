"""The ONNX model in pieces that are fed with a network's values, and looks at the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.divergence.network.side import NetworkBackend, type_of
from pyonnxtool.divergence.pairing.prints import Print, print_of
from pyonnxtool.divergence.probe import Feeds, Part, Sample, Side, Types, open_part
from pyonnxtool.errors import BackendError
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool.backends import Array, OutputType
    from pyonnxtool.backends._traced import Reading, Traced

_SHARE_OF_BUDGET = 0.35

Prints = dict[str, list[Print]]


@dataclass
class Seen:
    """What one look at the network showed."""

    values: dict[str, Traced] = field(default_factory=dict)
    prints: Prints = field(default_factory=dict)
    types: dict[str, OutputType] = field(default_factory=dict)
    outputs: Prints = field(default_factory=dict)
    """By the ONNX model's names."""


class Pieces:
    """Runs parts of one side's model on what a network has at their inputs."""

    def __init__(
        self,
        side: Side,
        backend: NetworkBackend,
        seen: Seen,
        samples: Sequence[Sample],
        memory: int,
    ) -> None:
        self._side, self._backend, self._seen = side, backend, seen
        self._samples = samples
        self.limit = int(memory * _SHARE_OF_BUDGET)
        self._types: dict[str, str] = {}
        """dtypes of the ONNX model's values, as they show."""

    def computed(self, targets: Sequence[str], given: Mapping[str, str]) -> Prints:
        """What the model makes of the network's values, as prints on every sample.

        `given`: ONNX value to the network's. Values that cannot be run this way are left out.
        """
        found: Prints = {}
        for sample in self._samples:
            for name, printed in self._prints(sample, targets, given):
                found.setdefault(name, []).append(printed)
        return {name: some for name, some in found.items() if len(some) == len(self._samples)}

    def _prints(
        self, sample: Sample, targets: Sequence[str], given: Mapping[str, str]
    ) -> list[tuple[str, Print]]:
        found = []
        for some in self._groups(targets):
            for name, array in self._run(sample, some, given).items():
                if isinstance(array, np.ndarray):
                    self._types[name] = str(type_of(array)[0])
                    printed = print_of(array)
                    if printed is not None:
                        found.append((name, printed))
        return found

    def _run(
        self, sample: Sample, targets: Sequence[str], given: Mapping[str, str]
    ) -> dict[str, object]:
        """Smaller groups where the backend refuses one; a value that it refuses is left out."""
        if not targets:
            return {}
        try:
            part = open_part(self._side, self._described(given), targets, detach=True)
            with part.session:
                inner = {given[name] for name in part.inputs if name in given}
                arrays = self._watched(sample, inner)
                made = part.run(self._fed(sample, part.inputs, given, arrays))
            self._side.runs += 1
            return dict(made)
        except BackendError:
            if len(targets) == 1:
                return {}
            half = len(targets) // 2
            return {
                **self._run(sample, targets[:half], given),
                **self._run(sample, targets[half:], given),
            }

    def tried(
        self,
        name: str,
        guesses: Sequence[str],
        target: str,
        given: Mapping[str, str],
    ) -> dict[str, list[Print]]:
        """What the model makes of `target` when `name` has each of the guessed values."""
        found: dict[str, list[Print]] = {}
        for sample in self._samples:
            types = self._described({**given, name: guesses[0]})
            try:
                part = open_part(self._side, types, [target], detach=True)
            except BackendError:
                return {}
            with part.session:
                inner = [given[n] for n in part.inputs if n in given and n != name]
                arrays = self._watched(sample, {*inner, *guesses})
                for guess in guesses:
                    made = self._attempt(part, sample, {**given, name: guess}, arrays)
                    if made is not None:
                        found.setdefault(guess, []).append(made)
            self._side.runs += 1
        return {guess: some for guess, some in found.items() if len(some) == len(self._samples)}

    def _attempt(
        self, part: Part, sample: Sample, given: Mapping[str, str], arrays: Mapping[str, Array]
    ) -> Print | None:
        try:
            made = part.run(self._fed(sample, part.inputs, given, arrays))
        except BackendError:
            return None
        (array,) = made.values()
        return print_of(array) if isinstance(array, np.ndarray) else None

    def _watched(self, sample: Sample, names: set[str]) -> Mapping[str, Array]:
        if not names:
            return {}
        return self._backend.watched(self._backend.fed(sample.reference), names)

    def _described(self, given: Mapping[str, str]) -> Types:
        return {
            name: (self._types.get(name) or self._seen.types[theirs][0], None)
            for name, theirs in given.items()
            if name in self._types or theirs in self._seen.types
        }

    def _fed(
        self,
        sample: Sample,
        names: Sequence[str],
        given: Mapping[str, str],
        arrays: Mapping[str, Array],
    ) -> dict[str, Array]:
        """The network's values in the dtypes of the ONNX model."""
        values: dict[str, Array] = {n: a for n, a in sample.candidate.items() if n in names}
        for name in names:
            if name in given:
                wanted = self._types.get(name)
                array = arrays[given[name]]
                values[name] = array.astype(numpy_dtype(wanted), copy=False) if wanted else array
        return values

    def _groups(self, targets: Sequence[str]) -> list[list[str]]:
        """Neighbours together, as many as the byte budget holds."""
        typical = max((p[0].nbytes for p in self._seen.prints.values()), default=0)
        size = max(1, min(typical, self.limit))
        step = max(1, self.limit // size)
        return [list(targets[i : i + step]) for i in range(0, len(targets), step)]


def look(backend: NetworkBackend, samples: Sequence[Sample]) -> Seen:
    """Run the network once a sample; nothing of its values is kept but their prints."""
    seen = Seen()
    for sample in samples:
        feeds: Feeds = backend.fed(sample.reference)

        def visit(value: Traced, reading: Reading) -> None:
            array = reading()
            printed = print_of(array)
            if printed is not None:
                seen.values.setdefault(value.name, value)
                seen.types.setdefault(value.name, type_of(array))
                seen.prints.setdefault(value.name, []).append(printed)

        backend.network.trace(feeds, visit)
        for name, array in backend.final(feeds).items():
            printed = print_of(array)
            if printed is not None:
                seen.outputs.setdefault(name, []).append(printed)
    seen.prints = {n: some for n, some in seen.prints.items() if len(some) == len(samples)}
    seen.values = {n: value for n, value in seen.values.items() if n in seen.prints}
    return seen
