"""Which inputs and outputs of a rewritten model are which of the original, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.divergence.views import moved
from pyonnxtool.errors import UsageError
from pyonnxtool.feeds import required_inputs
from pyonnxtool.feeds.dtypes import is_float, numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Value
    from pyonnxtool.divergence.compare import Array
    from pyonnxtool.divergence.probe import Feeds
    from pyonnxtool.rewriting.report import Axes


class Counterparts:
    """Names, element types and orders of axes of what goes in and out of two models.

    `ports` are inputs and outputs of the rewritten model that have another name, to that in the
    original; all others are those of the same name. None: element types have to be the same.
    `border` gives the order of axes in which some come, by their names in the original.
    """

    def __init__(
        self,
        original: Model,
        rewritten: Model,
        ports: Mapping[str, str] | None,
        border: Mapping[str, Axes],
    ) -> None:
        self._border = {name: tuple(perm) for name, perm in border.items()}
        old_inputs = {value.name: value for value in original.graph.inputs}
        old_outputs = {value.name: value for value in original.graph.outputs}
        self._inputs = _pairs(rewritten.graph.inputs, old_inputs, ports or {})
        self._outputs = _pairs(rewritten.graph.outputs, old_outputs, ports or {})
        self._needed = [value.name for value in required_inputs(rewritten)]
        types = [
            *((old_inputs[old], new) for old, new in self._inputs.items()),
            *((old_outputs[old], new) for old, new in self._outputs.items()),
        ]
        self._dtypes: dict[str, tuple[str, str]] = {
            old.name: (old.dtype, new.dtype)
            for old, new in types
            if ports is not None and old.dtype and new.dtype and old.dtype != new.dtype
        }
        """Element type before and after, by the name in the original."""

    @property
    def suit_each_other(self) -> bool:
        """Whether inputs of the one are inputs of the other as they are."""
        same = all(old == new.name for old, new in self._inputs.items())
        return same and not self._dtypes and not self._border

    @property
    def are_moved(self) -> bool:
        """Whether some have their axes in another order."""
        return bool(self._border)

    @property
    def unlike(self) -> list[str]:
        """Inputs that were numbers with a fraction and are not any more; original names."""
        return [
            old
            for old in self._inputs
            if old in self._dtypes
            and is_float(self._dtypes[old][0])
            and not is_float(self._dtypes[old][1])
        ]

    def check(self) -> None:
        """Raises UsageError when an input has no source, or there is no output to compare."""
        known = {value.name for value in self._inputs.values()}
        if missing := [name for name in self._needed if name not in known]:
            raise UsageError(
                f"the models cannot be compared: the new one has the input {missing[0]!r}, which "
                "the old one does not have; leave out the samples"
            )
        if not self._outputs:
            raise UsageError(
                "the models cannot be compared: they have no output in common; leave out the "
                "samples"
            )

    def old_input(self, name: str) -> str:
        """What an input of the rewritten model is called in the original."""
        return next((old for old, new in self._inputs.items() if new.name == name), name)

    def new_input(self, name: str) -> str:
        """What an input of the original is called in the rewritten model."""
        return self._inputs[name].name if name in self._inputs else name

    def new_output(self, name: str) -> str | None:
        """What an output of the original is called in the rewritten model; None: it is gone."""
        return self._outputs[name].name if name in self._outputs else None

    def told_in_old(self, feeds: Feeds) -> dict[str, Array]:
        """Inputs of the rewritten model under the names and in the types of the original."""
        return {
            old: _cast(feeds[new.name], self._dtypes[old][0])
            if old in self._dtypes
            else feeds[new.name]
            for old, new in self._inputs.items()
            if new.name in feeds
        }

    def rounded(self, feeds: Feeds) -> Feeds:
        """Inputs of the original, as values that the rewritten model can be given too."""
        return {
            name: _cast(_cast(array, self._dtypes[name][1]), self._dtypes[name][0])
            if name in self._dtypes
            else array
            for name, array in feeds.items()
        }

    def fed(self, feeds: Feeds) -> dict[str, Array]:
        """Inputs of the original as the rewritten model takes them."""
        found: dict[str, Array] = {}
        for name, array in feeds.items():
            if name not in self._inputs:
                continue
            given = _cast(array, self._dtypes[name][1]) if name in self._dtypes else array
            perm = self._border.get(name)
            found[self._inputs[name].name] = moved(given, perm) if perm else given
        return found

    def expected(self, name: str, value: Any) -> Any:
        """An output of the original in the element type that the rewritten model gives."""
        return _cast(value, self._dtypes[name][1]) if name in self._dtypes else value

    def turned_back(self, name: str, value: Any) -> Any:
        """An output of the rewritten model with its axes as the original gives them."""
        perm = self._border.get(name, ())
        if not perm or not isinstance(value, np.ndarray) or value.ndim != len(perm):
            return value
        return moved(value, [int(axis) for axis in np.argsort(perm)])

    def note(self, name: str) -> str:
        """How an output differs in form."""
        transposed = f"transposed {self._border[name]}" if name in self._border else ""
        cast = f"as {self._dtypes[name][1]}" if name in self._dtypes else ""
        return "; ".join(filter(None, (transposed, cast)))


def _pairs(
    ours: list[Value], there: Mapping[str, Value], ports: Mapping[str, str]
) -> dict[str, Value]:
    pairs = ((ports.get(value.name, value.name), value) for value in ours)
    return {old: value for old, value in pairs if old in there}


def _cast(value: Any, dtype: str) -> Any:
    """Infinite beyond the range of a float, the nearest value that fits beyond that of an int."""
    if not isinstance(value, np.ndarray) or value.dtype == object:
        return value
    wanted = numpy_dtype(dtype)
    with np.errstate(all="ignore"):
        if value.dtype.kind == "f" and wanted.kind in "iu":
            value = np.trunc(np.nan_to_num(value))
            limits = np.iinfo(wanted)
            value = np.clip(value, limits.min, limits.max)
        return value.astype(wanted)
