"""Which value of a network is which of the ONNX model that was exported from it.

Content decides: an ONNX value that has the numbers of a network's value is that value. Behind a
fault nothing has the numbers any more, so the ONNX model is run in pieces, each on the network's
values. There, a guess from what the exporters call things is believed when the value comes out
right, or when what reads it does: then the value itself is wrong, and the pair is not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.divergence.network.hints import hints
from pyonnxtool.divergence.network.pieces import Pieces, Prints, look
from pyonnxtool.divergence.network.side import NetworkBackend, final_name
from pyonnxtool.divergence.pairing.prints import Index, Print, alike, distance, is_reshaped
from pyonnxtool.divergence.plan import Pair
from pyonnxtool.divergence.probe import Sample

if TYPE_CHECKING:
    from pyonnxtool._core import Graph
    from pyonnxtool.divergence.case import Case

_ROUNDS = 5
_TRIALS = 256
_GUESSES = 24
_EQUAL = 4.0
"""In units of `distance`: about the tolerance of final outputs."""


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
        self._backend = backend
        self._graph = case.candidate.model.graph
        self._seen = look(backend, samples)
        self._index = Index(self._seen.prints)
        self._outputs = {pair.candidate for pair in case.outputs}
        self._values = _dynamic(self._graph, case.candidate.model)
        self._found: dict[str, str] = {name: final_name(name) for name in self._outputs}
        """ONNX value to the network's. The outputs are what they are, whatever their numbers."""
        self._unsure: dict[str, str] = {}
        """The same for what is not as equal as one operator would leave it."""
        self._refuted: set[tuple[str, str]] = set()
        self._rounds = 0
        self._right_outputs: set[str] = set()
        self._pieces = Pieces(case.candidate, backend, self._seen, samples, case.memory)

    def pairs(self) -> dict[str, str]:
        """The network's value of each ONNX value that has one."""
        hinted = hints(self._graph, list(self._seen.values.values()))
        own = self._pieces.computed(self._values, {})
        for name in self._outputs & own.keys():
            self._judge_output(name, own[name])
        self._settle(own, {}, hinted)
        for _ in range(0 if self._agrees() and not self._unsure else _ROUNDS):
            before = (len(self._found), len(self._refuted), len(self._unsure))
            guessed = self._guesses(hinted)
            read = {reader for name in guessed for reader in self._readers(name, guessed)}
            asked = [name for name in self._values if name in read or name not in self._found]
            self._settle(self._pieces.computed(asked, {**self._found, **guessed}), guessed, hinted)
            if before == (len(self._found), len(self._refuted), len(self._unsure)):
                break
        if not self._agrees():
            self._narrow()
        self._found |= {n: other for n, other in self._unsure.items() if n not in self._found}
        self._tell()
        self._backend.unseen = len(self._values) - len(self._found)
        return self._found

    def _agrees(self) -> bool:
        """Every output came out as the network has it, so no value on the way is off."""
        return self._right_outputs == self._outputs

    def _guesses(self, hinted: Mapping[str, list[str]]) -> dict[str, str]:
        """The likeliest guess for each value that is not settled, unless it was refuted."""
        guesses = {}
        for name in self._values:
            if name in self._found:
                continue
            for guess in hinted.get(name, ()):
                if (name, guess) not in self._refuted and guess in self._index:
                    guesses[name] = guess
                    break
        return guesses

    def _settle(
        self, computed: Prints, guessed: Mapping[str, str], hinted: Mapping[str, list[str]]
    ) -> None:
        """Decide what came out, producers first.

        A value that was computed from a guess is left for the next round unless the guess has
        been settled by then: from the value of a twin, its twin's reader comes out.
        """
        order = {name: place for place, name in enumerate(self._seen.values)}
        given = {**self._found, **guessed} if guessed or self._found else {}
        first = not self._rounds
        self._rounds += 1
        reached = 0
        for name in self._values:
            reached = max(reached, order.get(self._found.get(name, ""), 0))
            if name not in computed or name in self._found:
                continue
            sources = () if first else self._sources(name, given)
            if any(self._found.get(source) != given[source] for source in sources):
                continue
            open_hints = [g for g in hinted.get(name, ()) if (name, g) not in self._refuted]
            chosen, sure = self._chosen(computed[name], open_hints, order, reached)
            if sure and not self._is_undone(name, chosen):
                self._found[name] = chosen
                self._unsure.pop(name, None)
                reached = max(reached, order[chosen])
                continue
            if chosen:
                self._unsure[name] = chosen
            if name in guessed:
                self._weigh(name, guessed, computed)

    def _is_undone(self, name: str, chosen: str) -> bool:
        """A transpose that makes what it reads was not exported so."""
        node = self._graph.value(name).producer
        return (
            node is not None
            and node.op_type == "Transpose"
            and self._found.get(node.input_names[0]) == chosen
        )

    def _chosen(
        self,
        computed: list[Print],
        hinted: Sequence[str],
        order: Mapping[str, int],
        reached: int,
    ) -> tuple[str, bool]:
        """The network's value that is alike, and whether it is so but for rounding.

        It is not sure either when all that are equal belong to other values already, and a hint
        says that this one should be another: a root that was left out makes what it reads.
        """
        same = self._index.like(computed)
        apart = {name: distance(computed, self._index[name]) for name in same}
        equal = [name for name in same if apart[name] <= 1.0]
        wanted = [name for name in hinted if name in apart]
        taken = set(self._found.values())
        if not equal:
            nearest = min(same, key=apart.__getitem__) if same else ""
            return (wanted[0] if wanted else nearest), False
        if taken.issuperset(equal) and any(name not in taken for name in hinted):
            return (wanted or equal)[0], False
        fitting = [name for name in wanted if name in equal]
        later = [name for name in equal if order[name] >= reached]
        return (fitting or later or equal)[0], True

    def _judge_output(self, name: str, computed: list[Print]) -> None:
        """An output of another shape cannot stand for the network's."""
        expected = self._seen.outputs[name]
        if _equal(computed, expected):
            self._right_outputs.add(name)
        elif computed[0].shape != expected[0].shape:
            self._found.pop(name, None)

    def _weigh(self, name: str, guessed: Mapping[str, str], computed: Prints) -> None:
        """A guess whose value came out otherwise is believed when some reader comes out right."""
        guess = guessed[name]
        reshaped = all(map(is_reshaped, computed[name], self._index[guess]))
        readers = [] if reshaped else self._readers(name, guessed)
        if any(r in computed and self._comes_out(r, computed, guessed) for r in readers):
            self._found[name] = guess
            self._unsure.pop(name, None)
        else:
            self._refuted.add((name, guess))

    def _comes_out(self, name: str, computed: Prints, guessed: Mapping[str, str]) -> bool:
        expected = self._found.get(name) or guessed.get(name)
        if expected is None:
            return False
        wanted = self._seen.outputs[name] if name in self._outputs else self._index[expected]
        return wanted[0].telling and _equal(computed[name], wanted)

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

    # -- inside of what is wrong --------------------------------------------------------------

    def _narrow(self) -> None:
        """Split regions that do not come out right at the value that makes them right.

        When a region gives what the network has as soon as one value inside of it is the
        network's, that value is the network's, and the fault is before it.
        """
        order = {name: place for place, name in enumerate(self._seen.values)}
        computed = self._pieces.computed(self._values, self._found)
        wrong = [n for n in self._values if n in self._found and not self._is_right(n, computed)]
        trials = _TRIALS
        for target in wrong:
            inside = self._inside(target)
            if not inside or self._is_right(target, self._pieces.computed([target], self._found)):
                continue
            last = order.get(self._found[target], len(order))
            for name in inside:
                guesses = self._possible(name, computed, order, last)[: max(0, trials)]
                trials -= len(guesses)
                made = self._pieces.tried(name, guesses, target, self._found) if guesses else {}
                right = [g for g in made if self._is_right(target, {target: made[g]})]
                if right:
                    self._found[name] = right[0]
                    break

    def _is_right(self, name: str, computed: Prints) -> bool:
        wanted = (
            self._seen.outputs[name] if name in self._outputs else self._index[self._found[name]]
        )
        return _equal(computed.get(name, []), wanted)

    def _inside(self, target: str) -> list[str]:
        """Values without a counterpart that the target is computed from, producers first."""
        place = {name: index for index, name in enumerate(self._values)}
        found, pending = set(), [target]
        while pending:
            node = self._graph.value(pending.pop()).producer
            for name in filter(None, node.input_names) if node is not None else ():
                if name in place and name not in self._found and name not in found:
                    found.add(name)
                    pending.append(name)
        return sorted(found, key=place.__getitem__)

    def _possible(
        self, name: str, computed: Prints, order: Mapping[str, int], last: int
    ) -> list[str]:
        """Values of the network of that shape, computed between the region's ends."""
        if name not in computed:
            return []
        sources = [self._found[other] for other in self._sources(name, self._found)]
        first = max((order[source] for source in sources if source in order), default=-1)
        some = self._index.shaped_like(computed[name])
        if name in self._unsure:
            some = self._index.sized_like(computed[name])
        return [guess for guess in some if first < order[guess] < last][:_GUESSES]

    def _sources(self, name: str, given: Collection[str]) -> set[str]:
        """The given values that it is computed from when all of them are fed."""
        found, pending, seen = set(), [name], {name}
        while pending:
            node = self._graph.value(pending.pop()).producer
            for read in filter(None, node.input_names) if node is not None else ():
                if read in given:
                    found.add(read)
                elif read not in seen:
                    seen.add(read)
                    pending.append(read)
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


def _equal(ours: list[Print], theirs: list[Print]) -> bool:
    return alike(ours, theirs) and distance(ours, theirs) <= _EQUAL


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
