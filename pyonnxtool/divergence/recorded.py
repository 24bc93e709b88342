"""Recorded values in the place of a model: a backend that looks up instead of computing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.backends._session import OpenSession
from pyonnxtool.backends.command import CommandValues
from pyonnxtool.errors import BackendError, UsageError

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.backends import Array, Output, Recorded, RunOptions, Session


class RecordedBackend:
    """Stands in for a runtime: "running" any part of the model gives what was recorded of it."""

    name = "recorded"
    aliases: tuple[str, ...] = ()
    probes = True
    unseen = 0
    """Values of the model that are inside of what was recorded as one."""

    def __init__(self, text: str, recorded: Recorded) -> None:
        self._text, self._recorded = text, recorded
        self._sample = -1
        self._values: dict[str, Array] = {}

    def begin(self, sample: int, feeds: Mapping[str, Array]) -> None:
        """From now on the values are those of this sample. A command is run here, once."""
        if sample != self._sample:
            self._values = self._recorded.values(feeds, sample)
            self._sample = sample

    def names(self, feeds: Mapping[str, Array]) -> set[str]:
        """What was recorded of the first sample."""
        self.begin(0, feeds)
        return set(self._values)

    def held_inputs(self, model: Model, samples: int) -> list[dict[str, Array]] | None:
        """The graph inputs, where all of them were recorded as well. A program has none."""
        if isinstance(self._recorded, CommandValues):
            return None
        wanted = [value.name for value in model.graph.inputs if value.initializer is None]
        try:
            recorded = [self._recorded.values({}, sample) for sample in range(samples)]
        except (BackendError, UsageError):
            return None
        if not all(name in values for values in recorded for name in wanted):
            return None
        return [{name: values[name] for name in wanted} for values in recorded]

    @property
    def recorded(self) -> Recorded:
        """Where the values come from."""
        return self._recorded

    @property
    def notes(self) -> Sequence[str]:
        """What is to be known of how the values were made."""
        return ()

    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the graph inputs, where the values are of certain shapes only."""
        return {}

    def configure(self, words: Sequence[str], options: RunOptions) -> RunOptions:
        """There is nothing to set."""
        return options

    def open(self, model: Model, options: RunOptions) -> Session:
        """A session that looks up the outputs of `model`."""
        return RecordedSession(self, model)

    def repeatable(self, model: Model, options: RunOptions) -> bool:
        """What is written does not change."""
        return True

    def value(self, name: str) -> Array:
        """Raises BackendError when this sample lacks a value that the first one has."""
        if name not in self._values:
            raise BackendError(f"{self._text}: sample {self._sample} holds no value {name!r}")
        return np.asarray(self._values[name])


class RecordedSession(OpenSession):
    """The outputs of a part, looked up by the names that they have in the whole model."""

    def __init__(self, backend: RecordedBackend, model: Model) -> None:
        self._backend = backend
        self.input_names = [value.name for value in model.graph.inputs]
        self.output_names = [value.name for value in model.graph.outputs]

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Output]:
        """What was recorded of the current sample, whatever the feeds."""
        return {name: self._backend.value(name) for name in self.output_names}

    def close(self) -> None:
        """There is nothing to give back."""
