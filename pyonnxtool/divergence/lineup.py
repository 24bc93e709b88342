"""Which value of a network is which of the ONNX model that was exported from it.

Content decides: an ONNX value that has the numbers of a network's value is that value. Behind a
fault nothing has the numbers any more, so the ONNX model is run in pieces, each on the network's
values. There, a guess from what the exporters call things is believed when the value comes out
right, or when what reads it does: then the value itself is wrong, and the pair is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool import _core
from pyonnxtool.divergence.hints import hints
from pyonnxtool.divergence.network_side import NetworkBackend, final_name, type_of
from pyonnxtool.divergence.plan import Pair
from pyonnxtool.divergence.prints import Index, Print, alike, print_of
from pyonnxtool.divergence.probe import Feeds, Sample, Side, Types, open_part
from pyonnxtool.errors import BackendError
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool._core import Graph
    from pyonnxtool.backends import Array, OutputType
    from pyonnxtool.backends._traced import Reading, Traced
    from pyonnxtool.divergence.case import Case

_ROUNDS = 5
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


def line_up(case: Case, samples: Sequence[Sample]) -> None:
    """Pair the network's values with the ONNX model's, on these samples. Changes `case.pairs`."""
    backend = case.reference.backend
    if not isinstance(backend, NetworkBackend):
        return
    case.progress("lining up", 0, 1)
    found = _LineUp(case, backend, samples).pairs()
    produced = _core.produced_values(case.candidate.model)
    outputs = {pair.candidate for pair in case.outputs}
    case.pairs = [
        pair
        for name in produced
        if name in found or name in outputs
        for pair in (Pair(name, name),)
        if case.takes(name)
    ]
    case.progress("lining up", 1, 1)


class _LineUp:
    def __init__(self, case: Case, backend: NetworkBackend, samples: Sequence[Sample]) -> None:
        self._case, self._backend, self._samples = case, backend, samples
        self._side: Side = case.candidate
        self._graph = case.candidate.model.graph
        self._seen = _look(backend, samples)
        self._index = Index(self._seen.prints)
        self._outputs = {pair.candidate for pair in case.outputs}
        self._values = _dynamic(self._graph, case.candidate.model)
        self._found: dict[str, str] = {name: final_name(name) for name in self._outputs}
        """ONNX value to the network's. The outputs are what they are, whatever their numbers."""
        self._right_outputs: set[str] = set()
        self._types: dict[str, str] = {}

    def pairs(self) -> dict[str, str]:
        """The network's value of each ONNX value that has one."""
        hinted = hints(self._graph, list(self._seen.values.values()))
        refuted: set[tuple[str, str]] = set()
        self._take(self._computed(self._values, {}), hinted)
        for _ in range(0 if self._agrees() else _ROUNDS):
            before = (len(self._found), len(refuted))
            guessed = self._guesses(hinted, refuted)
            left = [name for name in self._values if name not in self._found]
            read = {reader for name in guessed for reader in self._readers(name, guessed)}
            asked = [name for name in self._values if name in read or name not in self._found]
            computed = self._computed(asked, {**self._found, **guessed})
            self._take(computed, hinted)
            self._weigh(computed, guessed, refuted)
            if not left or before == (len(self._found), len(refuted)):
                break
        self._tell()
        return self._found

    def _agrees(self) -> bool:
        """Every output came out as the network has it, so no value on the way is off."""
        return self._right_outputs == self._outputs

    def _guesses(
        self, hinted: Mapping[str, list[str]], refuted: set[tuple[str, str]]
    ) -> dict[str, str]:
        """The likeliest guess for each value that is not settled, unless it was refuted."""
        guesses = {}
        for name in self._values:
            if name in self._found:
                continue
            for guess in hinted.get(name, ()):
                if (name, guess) not in refuted and guess in self._index:
                    guesses[name] = guess
                    break
        return guesses

    def _take(self, computed: Prints, hinted: Mapping[str, list[str]]) -> None:
        """Values that came out as the network has them: the hinted one of several, or the next."""
        order = {name: place for place, name in enumerate(self._seen.values)}
        reached = 0
        for name in self._values:
            reached = max(reached, order.get(self._found.get(name, ""), 0))
            if name not in computed:
                continue
            if name in self._outputs:
                self._judge_output(name, computed[name])
            if name in self._found:
                continue
            same = self._index.like(computed[name])
            if not same:
                continue
            wanted = [guess for guess in hinted.get(name, ()) if guess in same]
            later = [other for other in same if order[other] >= reached]
            chosen = (wanted or later or same)[0]
            self._found[name] = chosen
            reached = max(reached, order[chosen])

    def _judge_output(self, name: str, computed: list[Print]) -> None:
        """An output of another shape cannot stand for the network's."""
        expected = self._seen.outputs[name]
        if alike(computed, expected):
            self._right_outputs.add(name)
        elif computed[0].shape != expected[0].shape:
            self._found.pop(name, None)

    def _weigh(
        self, computed: Prints, guessed: Mapping[str, str], refuted: set[tuple[str, str]]
    ) -> None:
        """Guesses whose value came out otherwise: believed when some reader came out right."""
        for name, guess in guessed.items():
            if name in self._found or name not in computed:
                continue
            if computed[name][0].shape != self._index[guess][0].shape:
                refuted.add((name, guess))
                continue
            right = [
                reader
                for reader in self._readers(name, guessed)
                if reader in computed and self._comes_out(reader, computed, guessed)
            ]
            if right:
                self._found[name] = guess
            else:
                refuted.add((name, guess))

    def _comes_out(self, name: str, computed: Prints, guessed: Mapping[str, str]) -> bool:
        expected = self._found.get(name) or guessed.get(name)
        if expected is None:
            return False
        wanted = self._seen.outputs[name] if name in self._outputs else self._index[expected]
        return wanted[0].telling and alike(computed[name], wanted)

    def _readers(self, name: str, guessed: Mapping[str, str]) -> list[str]:
        """Settled or guessed values, and outputs, whose regions read the value."""
        found, pending, seen = [], [name], {name}
        while pending:
            for node in self._graph.value(pending.pop()).consumers:
                for output in filter(None, node.output_names):
                    if output in seen:
                        continue
                    seen.add(output)
                    if output in self._found or output in guessed:
                        found.append(output)
                    else:
                        pending.append(output)
        return found

    def _tell(self) -> None:
        """Hand the backend what it has to know to look values up."""
        for name, theirs in self._found.items():
            if name in self._outputs:
                same = self._index.like(self._seen.outputs[name])
                known = same[-1] if same else theirs
            else:
                known = theirs
            if known in self._seen.values:
                self._backend.traced[name] = self._seen.values[known]
                self._backend.types[name] = self._seen.types[known]

    # -- the ONNX model, in pieces ------------------------------------------------------------

    def _computed(self, targets: Sequence[str], given: Mapping[str, str]) -> Prints:
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
        types: Types = {
            name: (self._types.get(name) or self._seen.types[theirs][0], None)
            for name, theirs in given.items()
            if name in self._types or theirs in self._seen.types
        }
        try:
            part = open_part(self._side, types, targets, detach=True)
            with part.session:
                values = self._fed(sample, part.inputs, given)
                made = part.run(values)
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

    def _fed(
        self, sample: Sample, names: Sequence[str], given: Mapping[str, str]
    ) -> dict[str, Array]:
        """The network's values in the dtypes of the ONNX model."""
        inner = {name: given[name] for name in names if name in given}
        feeds = self._backend.fed(sample.reference)
        arrays = self._backend.watched(feeds, inner.values()) if inner else {}
        values: dict[str, Array] = {n: a for n, a in sample.candidate.items() if n in names}
        for name, theirs in inner.items():
            wanted = self._types.get(name)
            array = arrays[theirs]
            values[name] = array.astype(numpy_dtype(wanted), copy=False) if wanted else array
        return values

    def _groups(self, targets: Sequence[str]) -> list[list[str]]:
        """Neighbours together, as many as the byte budget holds."""
        limit = self._case.memory * _SHARE_OF_BUDGET
        typical = max((p[0].nbytes for p in self._seen.prints.values()), default=0)
        groups: list[list[str]] = [[]]
        room = limit
        for name in targets:
            known = self._seen.prints.get(self._found.get(name, ""))
            size = known[0].nbytes if known else min(typical, limit / 8)
            if size > room and groups[-1]:
                groups.append([])
                room = limit
            groups[-1].append(name)
            room -= size
        return groups


def _look(backend: NetworkBackend, samples: Sequence[Sample]) -> Seen:
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


def _dynamic(graph: Graph, model: _core.Model) -> list[str]:
    """Values that depend on the inputs, producers first; without the arithmetic of shapes."""
    dynamic = {value.name for value in graph.inputs if value.initializer is None}
    found = []
    for node in graph.order():
        read = {*node.input_names, *(value.name for value in node.captured)}
        if not read & dynamic or node.op_type in ("Shape", "Size"):
            continue
        for name in filter(None, node.output_names):
            dynamic.add(name)
            if graph.value(name).kind in ("tensor", "unknown"):
                found.append(name)
    produced = set(_core.produced_values(model))
    return [name for name in found if name in produced]
