"""From measurements to faults: which regions introduce more than rounding explains."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.divergence.blame.condition import Condition
from pyonnxtool.divergence.blame.likeliest import MOVING, Blame
from pyonnxtool.divergence.blame.referee import Referee, Ruling
from pyonnxtool.divergence.blame.why import narrows
from pyonnxtool.divergence.constants import constant
from pyonnxtool.divergence.judge import Judge
from pyonnxtool.divergence.pairing.rematch import rematched
from pyonnxtool.divergence.plan import Pair
from pyonnxtool.divergence.sweep import Measured, Sweep, Swept
from pyonnxtool.divergence.views import Rearranged
from pyonnxtool.verdict import EPS, Tolerances, mismatched_non_finite

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node
    from pyonnxtool.divergence.case import Case

_MOST_SUSPECTS = 32
_ROUNDS = 3
"""How often pairs are put right by values; what is right now shows more of what is beside it."""


@dataclass(frozen=True)
class Fault:
    """A region of the candidate that does not compute what the reference has."""

    measured: Measured
    excess: float
    """Introduced error over what rounding explains; infinite for NaN, integers and shapes."""
    ruling: Ruling | None
    region: tuple[int, ...]
    """Ids of the candidate's nodes between paired values, in topological order."""
    referee: Referee | None = field(default=None, repr=False, compare=False)
    """Whom `ruling` is from."""

    def condition(self) -> Condition | None:
        """Of the reference's region, where it can be had in float64."""
        if self.ruling is not None and self.ruling.condition is not None:
            return self.ruling.condition
        return self.referee.condition(self.measured) if self.referee is not None else None


class Search:
    """Measures all pairs, asks float64 about the suspects, and weeds out wrong pairs."""

    def __init__(self, case: Case, tolerances: Tolerances, pairs: Sequence[Pair]) -> None:
        self._case, self._tolerances = case, tolerances
        self._graph = case.candidate.model.graph
        self._in_half = _in_half(case.candidate.model) and not _in_half(case.reference.model)
        self._set_pairs([pair for pair in pairs if not self._narrowed(pair)])
        self._same = {theirs for _, theirs, same in case.alignment.nodes if same}
        self._no_ops = set(case.alignment.no_ops)
        self.swept = Swept({})
        self.judge = Judge(case, tolerances, self.swept)
        self.ill_conditioned: list[tuple[Measured, Ruling]] = []
        """What looked like a fault and is explained by how its region amplifies rounding."""

    def faults(self) -> list[Fault]:
        """The worst first. Of values whose regions overlap, one fault is made."""
        found = self._measured()
        if self._case.quantization and (odd_ones := self._misshapen(found)):
            self._set_pairs([pair for pair in self.pairs if pair.candidate not in odd_ones])
            found = self._measured()
        if self._ends_in_another_shape() and any(map(_only_reshapes, self.pairs)):
            self._set_pairs([replace(p, view=None) if _only_reshapes(p) else p for p in self.pairs])
            found = self._measured()
        for _ in range(0 if self._case.is_settled else _ROUNDS):
            odd = {*self._doubtful(found), *self._misshapen(found)}
            wide = {f.measured.pair.candidate for f in found if len(f.region) > 1}
            if not odd and not wide:
                break
            pairs = rematched(self._case, self.pairs, odd, wide, self.swept)
            if pairs == self.pairs:
                break
            self._set_pairs(pairs)
            found = self._measured()
        if self._drop_changed_forms(found):
            found = self._measured()
        doubtful = self._doubtful(found)
        return _merged(self._settled(found, doubtful) if doubtful else found)

    def _drop_changed_forms(self, found: Sequence[Fault]) -> bool:
        """Whether a fault reads a value that is in another form because some node was changed.

        Values in another form are no pairs from there on: a reduction that drops an axis has the
        numbers of one that keeps it, and it is what reads them that comes out wrong.
        """
        model = self._case.candidate.model
        told = self._case.told
        formed = {p.candidate for p in self.pairs if p.view is not None and p.candidate not in told}
        seen: set[str] = set()
        pending = [fault.measured.pair.candidate for fault in found]
        while pending:
            read = _core.frontier(model, self._paired, [pending.pop()], True)
            more = formed.intersection(read) - seen
            seen |= more
            pending += sorted(more)
        if not any(map(self._is_changed, seen)):
            return False
        self._set_pairs([pair for pair in self.pairs if pair.candidate not in seen])
        return True

    def _narrowed(self, pair: Pair) -> bool:
        """Whether the candidate rounds a value to fewer bits where the reference does not.

        The two hold the same, but it is in the region up to the next value that it shows. In a
        model that is kept in half precision as a whole nobody is to blame for it.
        """
        if self._in_half:
            return False
        node = self._graph.value(pair.candidate).producer
        other = self._case.reference.model.graph.value(pair.reference).producer
        return node is not None and narrows(node) and not (other is not None and narrows(other))

    def _set_pairs(self, pairs: Sequence[Pair]) -> None:
        self.pairs = list(pairs)
        self._paired = [pair.candidate for pair in self.pairs]

    def _measured(self) -> list[Fault]:
        case = self._case
        sweep = Sweep(
            case.reference,
            case.candidate,
            self.pairs,
            case.outputs,
            memory=case.memory,
            progress=case.progress,
        )
        self.swept = sweep.run(case.samples)
        self.judge = Judge(case, self._tolerances, self.swept)
        ranked = [(self._excess(measured), measured) for measured in self.swept.values.values()]
        suspects = sorted(
            ((excess, measured) for excess, measured in ranked if excess > 0.0),
            key=lambda item: -item[0],
        )[:_MOST_SUSPECTS]
        if not suspects:
            return []
        referee = Referee(
            case,
            self.pairs,
            [measured for _, measured in suspects],
            self.swept.types,
            self.swept.shapes,
        )
        faults = []
        for done, (excess, measured) in enumerate(suspects):
            case.progress("asking the referee", done, len(suspects))
            fault = self._fault(referee, measured, excess)
            if fault is not None:
                faults.append(fault)
        return faults

    def _excess(self, measured: Measured) -> float:
        """How far the introduced error is above suspicion: 0 for none, infinite for NaN."""
        found = measured.introduced
        if found is None or found.identical:
            return 0.0
        if found.stats is None or mismatched_non_finite(found.stats) or found.dtype not in EPS:
            return math.inf
        bound = self.judge.bound(measured)
        if bound == 0.0:
            return math.inf
        assert found.judged is not None
        excess = float(found.judged.max_abs) / bound
        if self._case.quantization and excess <= 1.0:
            return 0.0
        node = self._producer(measured)
        if node is not None and node.id in self._same and excess <= 1.0:
            return 0.0
        return excess

    def _fault(self, referee: Referee, measured: Measured, excess: float) -> Fault | None:
        if self._is_int8_noise(measured):
            return None
        node = self._producer(measured)
        if node is not None and node.id in self._same and self._is_tie(referee, measured, node):
            return None
        bound = self.judge.bound(measured)
        ruling = referee.rule(measured, bound)
        if ruling is not None and not ruling.believable(bound):
            ruling = None
        if ruling is None and excess <= 1.0:
            return None
        word = ruling.word(bound) if ruling is not None else ""
        if word == "ill-conditioned" and ruling is not None:
            self.ill_conditioned.append((measured, ruling))
        if word in ("both within rounding", "ill-conditioned"):
            return None
        region = _core.region(
            self._case.candidate.model, self._paired, [measured.pair.candidate], True
        )
        computing = tuple(node for node in region if self._computes(node))
        return Fault(measured, excess, ruling, computing or tuple(region), referee)

    @staticmethod
    def _is_tie(referee: Referee, measured: Measured, node: Node) -> bool:
        return node.op_type in ("ArgMax", "ArgMin", "TopK") and referee.is_tie(measured)

    def _is_int8_noise(self, measured: Measured) -> bool:
        """Quantized values may fall on the other side of a rounding step, one step away."""
        found = measured.introduced
        node = self._producer(measured)
        return (
            found is not None
            and found.stats is not None
            and found.dtype in ("int8", "uint8")
            and found.stats.max_abs <= 1
            and node is not None
            and node.id in self._same
        )

    def _computes(self, node: int) -> bool:
        """False for constants and for nodes that only hand a value through."""
        return self._graph.node(node).op_type != "Constant" and node not in self._no_ops

    def _producer(self, measured: Measured) -> Node | None:
        return self._graph.value(measured.pair.candidate).producer

    # -- pairs that surroundings told, and that may be wrong -------------------------------------

    def _doubtful(self, faults: Iterable[Fault]) -> dict[str, set[str]]:
        """Faults at pairs that are not sure, with their readers that are faults as well.

        A wrong pair makes two faults that touch: the value is not what it is compared with, and
        its readers are fed what they should not get. One wrong node makes one.
        """
        bad = {fault.measured.pair.candidate for fault in faults}
        times = Counter(pair.reference for pair in self.pairs)
        times.update(ours for ours, _ in self._case.interface.inputs)
        weak = {p.candidate for p in self.pairs if not p.sure or times[p.reference] > 1} & bad
        readers = {name: self._readers(name) for name in weak}
        return {name: found for name, found in readers.items() if found & bad}

    def _misshapen(self, faults: Iterable[Fault]) -> list[str]:
        """Faults that are only of another shape: perhaps the numbers are equal.

        None where a final output has another shape: there it is no other form of the value.
        """
        if self._ends_in_another_shape():
            return []
        return [
            fault.measured.pair.candidate
            for fault in faults
            if fault.measured.introduced is not None and fault.measured.introduced.stats is None
        ]

    def _ends_in_another_shape(self) -> bool:
        """Whether a final output has not the shape that the reference's has."""
        ends = [measured.accumulated for measured in self.swept.outputs.values()]
        return any(found is not None and found.stats is None for found in ends)

    def _readers(self, name: str) -> set[str]:
        """Paired values whose regions read the value."""
        paired = set(self._paired)
        found: set[str] = set()
        pending, seen = [name], {name, ""}
        while pending:
            for node in self._graph.value(pending.pop()).consumers:
                for output in node.output_names:
                    if output in paired:
                        found.add(output)
                    elif output not in seen:
                        seen.add(output)
                        pending.append(output)
        return found

    def _settled(self, faults: Sequence[Fault], doubtful: dict[str, set[str]]) -> list[Fault]:
        """The faults that are left when each doubtful pair is tried without.

        Where the pair was wrong, all that reads the value comes out right once it is run together
        with what makes the value. Where it does not, there is one fault in the two nodes rather
        than one in each, unless each is visibly damaged itself.
        """
        together = self._without(doubtful)
        found = {fault.measured.pair.candidate: fault for fault in faults}
        shown = {fault.measured.pair.candidate: fault for fault in together._measured()}
        for name in doubtful:
            readers = together._readers(name)
            left = [shown[reader] for reader in readers if reader in shown]
            two = self._is_changed(name) and any(map(self._is_changed, readers & found.keys()))
            if not readers or two:
                continue
            for gone in (name, *readers):
                found.pop(gone, None)
            found |= {fault.measured.pair.candidate: fault for fault in left}
        return list(found.values())

    def _is_changed(self, name: str) -> bool:
        """Whether the maker of a value is not what its counterpart is, in a way that shows damage.

        Weights that differ throughout do not: folding a neighbour into a node does that.
        """
        ours = self._case.reference.model
        source = {pair.candidate: pair.reference for pair in self.pairs}
        node, other = self._graph.value(name).producer, ours.graph.value(source[name]).producer
        if node is None or other is None or node.domain != other.domain:
            return False
        if node.op_type != other.op_type:
            return _constants(node) == _constants(other) and node.op_type not in MOVING
        read = source.get(node.input_names[0])
        if node.op_type == "Transpose" and read not in (None, other.input_names[0]):
            return False  # it turns another value, so it turns it otherwise
        forms = {pair.candidate: pair.view for pair in self.pairs if pair.view is not None}
        paired = {node.id: other.id}
        return Blame(ours, node.graph.model, [other], paired, {}, forms).shows_damage(node)

    def _without(self, doubtful: Iterable[str]) -> Search:
        """A search of what reads the doubtful values, with them unpaired."""
        out = set(doubtful)
        pairs = [pair for pair in self.pairs if pair.candidate not in out]
        names = [pair.candidate for pair in pairs]
        merged = Search(self._case, self._tolerances, pairs)
        targets = {reader for name in out for reader in merged._readers(name)}
        needed = targets.union(
            *(
                _core.frontier(self._case.candidate.model, names, [target], True)
                for target in targets
            )
        )
        return Search(
            self._case, self._tolerances, [pair for pair in pairs if pair.candidate in needed]
        )


def _in_half(model: Model) -> bool:
    """Whether some weight is kept in float16 or bfloat16."""
    return any(
        tensor.dtype in ("float16", "bfloat16") and len(tensor.shape) > 0
        for tensor in model.graph.initializers
    )


def _constants(node: Node) -> tuple[int, int]:
    """How many values and how many constants a node reads."""
    read = [value for value in node.inputs if value is not None]
    held = sum(constant(node.graph.model, value.name) is not None for value in read)
    return len(read) - held, held


def _only_reshapes(pair: Pair) -> bool:
    """Whether the candidate's value is seen in the reference's shape, its elements in order."""
    return isinstance(pair.view, Rearranged) and not pair.view.perm and pair.view.block is None


def _merged(faults: Sequence[Fault]) -> list[Fault]:
    """One fault for all values whose regions share nodes: the culprit is in what they share."""
    merged: list[Fault] = []
    for fault in faults:
        for index, other in enumerate(merged):
            common = tuple(node for node in fault.region if node in other.region)
            if common:
                smaller = fault if len(fault.region) < len(other.region) else other
                merged[index] = replace(smaller, excess=other.excess, region=common)
                break
        else:
            merged.append(fault)
    return merged
