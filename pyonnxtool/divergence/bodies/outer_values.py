"""What a node with bodies reads, on both sides, all of it computed from the reference's values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.divergence.plan import in_candidate_form
from pyonnxtool.divergence.probe import Side, as_type, described, open_part
from pyonnxtool.divergence.weights import constant

if TYPE_CHECKING:
    from pyonnxtool._core import Node
    from pyonnxtool.backends import Output
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.probe import Sample

Outputs = dict[str, "Output"]


@dataclass(frozen=True)
class Captured:
    """Values around the bodies by name, of each side."""

    reference: Outputs
    candidate: Outputs


class OuterValues:
    """Looks up values of one sample. `source` maps the candidate's names to the reference's."""

    def __init__(
        self,
        case: Case,
        sample: Sample,
        types: Mapping[str, str],
        shapes: Mapping[str, tuple[int, ...]],
    ) -> None:
        self._case, self._sample, self._types, self._shapes = case, sample, types, shapes
        self._pairs = {pair.candidate: pair for pair in case.pairs}
        self.source = {name: pair.reference for name, pair in self._pairs.items()}
        self.source |= {theirs: ours for ours, theirs in case.interface.inputs}
        for number in case.alignment.no_ops:
            node = case.candidate.model.graph.node(number)
            known = [name for name in node.input_names if name in self.source]
            if len(known) == 1:
                self.source.setdefault(node.output_names[0], self.source[known[0]])
        self._known: Outputs = dict(sample.reference)

    def inputs(self, ours: Node, theirs: Node) -> tuple[list[Output], list[Output]]:
        """The inputs of both nodes; None for an omitted one."""
        mine, its = ours.input_names, theirs.input_names
        found = self._both(mine, its)
        return (
            [found.reference[name] if name else None for name in mine],
            [found.candidate[name] if name else None for name in its],
        )

    def captured(self, ours: Node, theirs: Node) -> Captured:
        """What the bodies read, and of the reference also what the candidate's bodies read."""
        mine = [value.name for value in ours.captured]
        its = [value.name for value in theirs.captured]
        return self._both([*mine, *(self.source[name] for name in its if name in self.source)], its)

    def _both(self, mine: Sequence[str], its: Sequence[str]) -> Captured:
        names = list(filter(None, dict.fromkeys(its)))
        model = self._case.candidate.model
        alone = [
            name
            for name in names
            if name not in self.source
            and name not in self._sample.candidate
            and constant(model, name) is None
        ]
        read = _core.frontier(model, list(self._pairs), alone, True) if alone else []
        wanted = [*filter(None, mine), *(self.source.get(n, "") for n in (*names, *read))]
        self._learn(wanted)
        candidate = {
            name: self._of_candidate(name) for name in (*names, *read) if name not in alone
        }
        if alone:
            fed = {name: candidate[name] for name in read}
            candidate |= _computed(self._case.candidate, fed, alone)
        return Captured({name: self._known[name] for name in mine if name}, candidate)

    def _of_candidate(self, name: str) -> Output:
        source = self.source.get(name)
        if source is None:
            held = constant(self._case.candidate.model, name)
            return held.numpy() if held is not None else self._sample.candidate[name]
        value, pair = self._known[source], self._pairs.get(name)
        if pair is not None and isinstance(value, np.ndarray):
            value = in_candidate_form(pair, value, self._shapes)
        return as_type(value, self._types.get(name))  # type: ignore[no-any-return]

    def _learn(self, names: Iterable[str]) -> None:
        """Values of the reference, from one run that returns nothing else."""
        side = self._case.reference
        missing = [name for name in dict.fromkeys(names) if name and name not in self._known]
        for name in missing:
            held = constant(side.model, name)
            if held is not None:
                self._known[name] = held.numpy()
        computed = [name for name in missing if name not in self._known]
        if computed:
            side.begin(self._sample.number, self._sample.reference)
            self._known |= _computed(side, self._sample.reference, computed)


def _computed(side: Side, given: Mapping[str, Any], names: list[str]) -> Outputs:
    """`names` from `given`; what is given is not computed anew."""
    part = open_part(side, described(given), names, detach=True)
    with part.session:
        side.runs += 1
        return part.run(given)
