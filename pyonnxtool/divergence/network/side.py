"""A network that runs outside of ONNX as one side: its values under the ONNX model's names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.backends._session import OpenSession
from pyonnxtool.divergence.compare import dtype_of
from pyonnxtool.divergence.recorded import RecordedBackend
from pyonnxtool.errors import BackendError, UsageError

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.backends import Array, Output, OutputType, Recorded, RunOptions
    from pyonnxtool.backends._traced import Network, Reading, Traced

_FINAL = "output:"


class NetworkBackend(RecordedBackend):
    """Stands in for a runtime: "running" any part of the model runs the network and looks on."""

    name = "network"

    def __init__(self, text: str, recorded: Recorded, network: Network, model: Model) -> None:
        super().__init__(text, recorded)
        self.text, self.network = text, network
        self._outputs = [value.name for value in model.graph.outputs]
        self._inputs = [v.name for v in model.graph.inputs if v.initializer is None]
        self._feeds: Mapping[str, Array] = {}
        self.traced: dict[str, Traced] = {}
        """ONNX value to what the network tells of its own; filled when the two are lined up."""
        self.types: dict[str, OutputType] = {}
        """dtype and shape of those values."""

    def begin(self, sample: int, feeds: Mapping[str, Array]) -> None:
        """From now on the values are those of this sample."""
        self._sample, self._feeds = sample, feeds

    def names(self, feeds: Mapping[str, Array]) -> set[str]:
        """The outputs: what else there is shows when the two are lined up."""
        return set(self._outputs)

    def held_inputs(self, model: Model, samples: int) -> list[dict[str, Array]] | None:
        """A network holds none."""
        return None

    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the ONNX inputs, where the network was written for certain shapes."""
        return self.network.input_shapes(self._inputs)

    def open(self, model: Model, options: RunOptions) -> NetworkSession:
        """A session that gives the outputs of `model`, a part of the whole."""
        return NetworkSession(self, model)

    @property
    def notes(self) -> Sequence[str]:
        """What the network says of how it was run."""
        return self.network.notes

    def repeatable(self, model: Model, options: RunOptions) -> bool:
        """Random numbers are allowed in a network, so it is run twice."""
        return False

    def fed(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """The ONNX model's inputs in its order."""
        there = feeds if all(name in feeds for name in self._inputs) else self._feeds
        return {name: there[name] for name in self._inputs}

    def computed(self, names: Sequence[str], feeds: Mapping[str, Array]) -> dict[str, Output]:
        """Values by their ONNX names, from one run (two, with outputs among them)."""
        inputs = self.fed(feeds)
        found: dict[str, Output] = {}
        if any(name in self._outputs for name in names):
            found |= self.final(inputs)
        unknown = [name for name in names if name not in found and name not in self.traced]
        if unknown:
            raise BackendError(f"{self.text} has no counterpart of {unknown[0]!r}")
        inner = {self.traced[name].name for name in names if name not in found}
        if inner:
            arrays = self.watched(inputs, inner)
            found |= {name: arrays[self.traced[name].name] for name in names if name not in found}
        return {name: found[name] for name in names}

    def watched(self, feeds: Mapping[str, Array], wanted: Iterable[str]) -> dict[str, Array]:
        """Values by the network's own names."""
        names = set(wanted)
        found: dict[str, Array] = {}
        final = {name for name in names if name.startswith(_FINAL)}
        if final:
            made = self.final(feeds)
            found = {name: made[name.removeprefix(_FINAL)] for name in final}
        if names == final:
            return found

        def keep(value: Traced, reading: Reading) -> None:
            if value.name in names:
                found[value.name] = np.array(reading())

        self.network.trace(feeds, keep)
        missing = names - found.keys()
        if missing:
            raise BackendError(
                f"{self.text} did not compute {sorted(missing)[0]!r} on this sample: it takes "
                "another path than on the first one"
            )
        return found

    def exact(self, feeds: Mapping[str, Array], name: str, given: Iterable[str]) -> Array | None:
        """An ONNX value as the network means it: in float64, from its values at `given`."""
        if name not in self.traced:
            return None
        known = {self.traced[other].name for other in given if other in self.traced}
        return self.network.exact(self.fed(feeds), self.traced[name].name, known)

    def final(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name where the network names them as the ONNX model does, else by place."""
        made = self.network.outputs(feeds)
        if all(name in made for name in self._outputs):
            return {name: made[name] for name in self._outputs}
        if len(made) != len(self._outputs):
            shown = ", ".join(f"{n} {list(value.shape)}" for n, value in made.items())
            raise UsageError(
                f"{self.text} returns {len(made)} tensors ({shown}), and the ONNX model has "
                f"{len(self._outputs)} outputs ({', '.join(self._outputs)}); wrap the module so "
                "that it returns the same"
            )
        return dict(zip(self._outputs, made.values(), strict=True))


class NetworkSession(OpenSession):
    """The outputs of a part of the ONNX model, as the network has them."""

    def __init__(self, backend: NetworkBackend, model: Model) -> None:
        self._backend = backend
        self.input_names = [value.name for value in model.graph.inputs]
        self.output_names = [value.name for value in model.graph.outputs]
        types = backend.types  # as the first run showed them
        self.output_types = {name: types[name] for name in self.output_names if name in types}

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Output]:
        """The values of the current sample."""
        return self._backend.computed(self.output_names, feeds)

    def close(self) -> None:
        """There is nothing to give back."""


def final_name(name: str) -> str:
    """What the network's output for the ONNX output `name` is called among its values."""
    return _FINAL + name


def type_of(array: Array) -> OutputType:
    """As sessions tell the types of their outputs."""
    return dtype_of(array), array.shape
