"""Sides whose models run in a process of their own, so that one crash ends one run only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyonnxtool.backends import Backend, Optimizing, RunOptions
from pyonnxtool.backends._session import OpenSession
from pyonnxtool.divergence.probe import Side
from pyonnxtool.divergence.search.isolated import Apart, Failed, can_be_apart
from pyonnxtool.errors import BackendError

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.backends import Array, Optimized, Output, Session
    from pyonnxtool.divergence.case import Case


@contextmanager
def sides_apart(case: Case, timeout: float | None) -> Iterator[None]:
    """Runs both sides in a child, for `timeout` seconds at most, where a child can run them.

    Recorded values and backends that only this process knows stay here. Without a timeout
    everything does.
    """
    if timeout is None:
        yield
        return
    case.close()
    sides = [side for side in (case.reference, case.candidate) if _can(side)]
    before = [side.backend for side in sides]
    apart = Apart(timeout)
    try:
        for side in sides:
            kind = _OptimizingApart if isinstance(side.backend, Optimizing) else _Apart
            assert isinstance(side.backend, Backend)
            side.backend = kind(side.backend, apart)
        yield
    finally:
        case.close()
        apart.close()
        for side, backend in zip(sides, before, strict=True):
            side.backend = backend


def _can(side: Side) -> bool:
    return side.recorded is None and can_be_apart(side)


class _Apart:
    """A backend whose sessions run elsewhere."""

    def __init__(self, backend: Backend, apart: Apart) -> None:
        self._backend, self._apart = backend, apart
        self.name, self.aliases, self.probes = backend.name, backend.aliases, backend.probes

    def configure(self, words: Sequence[str], options: RunOptions) -> RunOptions:
        return self._backend.configure(words, options)

    def repeatable(self, model: Model, options: RunOptions) -> bool:
        return self._backend.repeatable(model, options)

    def open(self, model: Model, options: RunOptions) -> Session:
        """Nothing is loaded before it is run: loading may be what crashes."""
        return _ApartSession(Side(self.name, model, self._backend, options), self._apart)


class _OptimizingApart(_Apart):
    """The optimizers are looked at in a child of their own anyway."""

    @property
    def levels(self) -> Sequence[str]:
        assert isinstance(self._backend, Optimizing)
        return self._backend.levels

    @property
    def rules(self) -> Mapping[str, Sequence[str]]:
        assert isinstance(self._backend, Optimizing)
        return self._backend.rules

    def optimized(self, model: Model, options: RunOptions) -> Optimized:
        assert isinstance(self._backend, Optimizing)
        return self._backend.optimized(model, options)


class _ApartSession(OpenSession):
    def __init__(self, side: Side, apart: Apart) -> None:
        self._side, self._apart = side, apart
        graph = side.model.graph
        self.input_names = [value.name for value in graph.inputs if value.initializer is None]
        self.output_names = [value.name for value in graph.outputs]

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Output]:
        """Raises BackendError when the child refuses, dies or takes too long."""
        try:
            return self._apart.run(self._side, self._side.model, feeds)
        except Failed as failure:
            raise BackendError(str(failure)) from failure

    def close(self) -> None:
        """The child keeps nothing between runs."""
