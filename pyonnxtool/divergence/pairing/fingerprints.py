"""Pairs of values that structure leaves open, told by what the values hold.

Both models are run where structure has no answer, or a weak one. First as they are; where their
outputs differ, the candidate also cut apart at the pairs that are certain, on the reference's
values: so a fault does not hide the partners of what comes behind it. A pair that only its
surroundings told, and whose values differ although what reads it agrees without it, is refuted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool import _core
from pyonnxtool.divergence.compare import dtype_of
from pyonnxtool.divergence.pairing.final_outputs import FinalOutputs
from pyonnxtool.divergence.pairing.forms import Form, are_sizes_reordered, find_form
from pyonnxtool.divergence.pairing.given_pairs import GivenPair
from pyonnxtool.divergence.plan import Pair, in_candidate_form, value_sizes
from pyonnxtool.divergence.probe import Types, Values, as_type, described, open_part
from pyonnxtool.divergence.views import Rearranged
from pyonnxtool.errors import BackendError

if TYPE_CHECKING:
    from pyonnxtool._core import Alignment, Fingerprint
    from pyonnxtool.divergence.compare import Array
    from pyonnxtool.divergence.probe import Sample, Side
    from pyonnxtool.divergence.sweep import Progress

_MOST_ROUNDS = 5
_MOST_SAMPLES = 2
_SHARE_OF_BUDGET = 0.25
"""Of the budget, for the values of one side that are looked at together."""

Names = Sequence[tuple[str, str]]
Prints = dict[str, list["Fingerprint"]]


@dataclass(frozen=True)
class Lineup:
    """The alignment, and its pairs with the views that they need."""

    alignment: Alignment
    pairs: list[Pair]


def pair_by_values(
    reference: Side,
    candidate: Side,
    inputs: Names,
    outputs: Names,
    samples: Callable[[], Sequence[Sample]],
    *,
    memory: int,
    given: Sequence[GivenPair],
    progress: Progress,
) -> Lineup:
    """Pairs of both models' values. Nothing is run where structure settles them all.

    Recorded values are those of the candidate's own model, so there structure settles them.
    """
    moved = {(one.reference, one.candidate) for one in given if one.form and one.form.view}
    inputs = [pair for pair in inputs if pair not in moved]
    case = _Pairing(reference, candidate, inputs, outputs, memory, given)
    if case.open and reference.recorded is None:
        case.samples = samples()[:_MOST_SAMPLES]
        # A model that cannot be run is reported by those who need it to.
        with contextlib.suppress(BackendError):
            case.settle(progress)
    return Lineup(case.made, case.pairs())


@dataclass
class _Pairing:
    reference: Side
    candidate: Side
    inputs: Names
    outputs: Names
    memory: int
    told: Sequence[GivenPair]
    samples: Sequence[Sample] = ()
    _ours: Prints = field(default_factory=dict)
    _theirs: Prints = field(default_factory=dict)
    _apart: set[tuple[str, str]] = field(default_factory=set)
    _accepted: set[tuple[str, str]] = field(default_factory=set)
    """Doubtful pairs that values did not refute: what lies behind them is looked at next."""
    _forms: dict[tuple[str, str], Form] = field(default_factory=dict)
    _shapes: dict[int, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    """By sample: shapes of the candidate's values that are seen through a view."""
    _agree: bool = False
    """The final outputs are equal as the verdict has it: there is no fault that matters."""

    def __post_init__(self) -> None:
        self._final = FinalOutputs(self.outputs)
        self.limit = int(self.memory * _SHARE_OF_BUDGET)
        self.given = [(one.reference, one.candidate) for one in self.told]
        self._forms |= {
            (one.reference, one.candidate): one.form for one in self.told if one.form is not None
        }
        self.made = self._aligned()

    def _aligned(self) -> Alignment:
        return _core.align(
            self.reference.model,
            self.candidate.model,
            list(self.inputs),
            list(self.outputs),
            self._ours,
            self._theirs,
            self.given,
            sorted(self._apart),
        )

    # -- rounds -------------------------------------------------------------------------------

    def settle(self, progress: Progress) -> None:
        """Look at values and align anew, until that tells nothing more."""
        self._look(detached=False)
        self._agree = self._outputs_agree()
        self._learn(detached=False)
        for done in range(_MOST_ROUNDS):
            if not self.open:
                return
            progress("pairing values", done, _MOST_ROUNDS)
            before = self._state()
            if self._agree:
                self._look(detached=False)
                self._refute(set(self.made.doubtful))
            else:
                self._look(detached=True)
            self._learn(detached=not self._agree)
            if self._state() == before:
                return

    @property
    def open(self) -> bool:
        """Whether values may tell something that structure does not."""
        made = self.made
        waiting = (made.unmatched or made.ambiguous) and made.unmatched_reference
        partner = self._partner()
        unasked = {(partner[name], name) for name in made.doubtful} - self._accepted
        return bool(waiting or unasked or self._formless())

    def _state(self) -> tuple[object, ...]:
        pairs = frozenset((ours, theirs) for ours, theirs, _ in self.made.values)
        return pairs, frozenset(self._apart), frozenset(self._accepted), frozenset(self._forms)

    def _learn(self, *, detached: bool) -> None:
        self.made = self._aligned()
        self._find_forms(detached=detached)

    def _partner(self) -> dict[str, str]:
        return {theirs: ours for ours, theirs, _ in self.made.values}

    def _formless(self) -> list[tuple[str, str]]:
        """Pairs whose elements may be arranged otherwise, and nothing known of how."""
        partner = self._partner()
        pairs = [(partner[name], name) for name in self.made.rearranged]
        return [pair for pair in pairs if pair not in self._forms]

    # -- looking at values --------------------------------------------------------------------

    def _look(self, *, detached: bool) -> None:
        """Fingerprints of what is open on both sides."""
        made, partner = self.made, self._partner()
        asked = [*made.doubtful, *(name for _, name in self._formless())]
        theirs = dict.fromkeys([*made.unmatched, *made.ambiguous, *asked])
        if detached:
            theirs |= dict.fromkeys(self._readers(set(asked)))
        else:
            theirs |= dict.fromkeys(name for _, name in self.outputs)
        ours = dict.fromkeys([*made.unmatched_reference, *(partner.get(n, "") for n in theirs)])
        ours |= dict.fromkeys(name for name, _ in self.outputs)
        new = [name for name in ours if name and name not in self._ours]
        for name, value in self._reference_values(new):
            self._ours.setdefault(name, []).append(_core.fingerprint(value))
            self._final.keep_ours(name, value)
        seen = [] if detached else [name for name in theirs if name in self._theirs]
        wanted = [name for name in theirs if name not in seen]
        for name in wanted:
            self._theirs.pop(name, None)
        for name, value in self._candidate_values(wanted, detached=detached):
            self._theirs.setdefault(name, []).append(_core.fingerprint(value))
            if not detached:
                self._final.keep_theirs(name, value)
        if detached:
            # What was fed itself says nothing of whether its readers can do without it.
            pairs = {(partner[name], name) for name in made.doubtful} - self._accepted
            self._refute({name for _, name in pairs if self._readers_agree(name)})
            self._accepted |= pairs - self._apart

    def _refute(self, names: set[str]) -> None:
        """Doubtful pairs whose values differ are none."""
        partner = self._partner()
        for name in names:
            ours, theirs = self._ours.get(partner[name], []), self._theirs.get(name, [])
            if ours and theirs and not _core.alike(ours, theirs):
                self._apart.add((partner[name], name))

    def _readers_agree(self, name: str) -> bool:
        partner, readers = self._partner(), self._readers({name})
        return bool(readers) and all(self._equal(partner[reader], reader) for reader in readers)

    def _readers(self, names: set[str]) -> list[str]:
        """The nearest certain values that are computed from these, and outputs before them."""
        certain = {pair.candidate for pair in self._certain()} | {name for _, name in self.outputs}
        graph = self.candidate.model.graph
        found: dict[str, None] = {}
        pending, seen = list(names), set(names)
        while pending:
            for node in graph.value(pending.pop()).consumers:
                for output in filter(None, node.output_names):
                    if output in certain:
                        found[output] = None
                    elif output not in seen:
                        seen.add(output)
                        pending.append(output)
        paired = self._partner()
        return [name for name in found if name in paired]

    def _outputs_agree(self) -> bool:
        agree = all(
            self._final.agree(*pair) if self._final.comparable(*pair) else self._equal(*pair)
            for pair in self.outputs
        )
        self._final = FinalOutputs(self.outputs)
        return agree

    def _equal(self, ours: str, theirs: str) -> bool:
        """In the same order too, unless the shapes say that they are another layout's."""
        left, right = self._ours.get(ours, []), self._theirs.get(theirs, [])
        if not _core.alike(left, right):
            return False
        return left[0].shape != right[0].shape or _core.same_form(left, right)

    # -- running ------------------------------------------------------------------------------

    def _reference_values(self, names: Sequence[str]) -> Iterator[tuple[str, Array]]:
        for sample in self.samples:
            yield from self._run(self.reference, dict(sample.reference), {}, names)

    def _candidate_values(
        self, names: Sequence[str], *, detached: bool
    ) -> Iterator[tuple[str, Array]]:
        for index, sample in enumerate(self.samples):
            values: Values = dict(sample.candidate)
            given: Types = {}
            if detached:
                fed = self._fed(index, names)
                given = described(fed)
                values |= fed
            yield from self._run(self.candidate, values, given, names)

    def _run(
        self, side: Side, values: Values, given: Types, names: Sequence[str]
    ) -> Iterator[tuple[str, Array]]:
        """As many at a time as the budget holds. What is no array of numbers is left out."""
        for name in names:
            held = values.get(name)
            if isinstance(held, np.ndarray) and name not in given:
                yield name, held
        names = [name for name in names if name in given or name not in values]
        if not names:
            return
        feeds = {name: value for name, value in values.items() if name not in given}
        part = open_part(side, given or described(feeds), names, detach=bool(given))
        with part.session as session:
            types = {
                name: session.output_types.get(made)
                for name, made in zip(names, part.produced, strict=True)
            }
            known = {name: kind for name, kind in types.items() if kind is not None}
            needed = sum(value_sizes(side, known, values, self.limit).values())
            if needed <= self.limit or len(names) == 1:
                side.runs += 1
                for name, value in part.run(values).items():
                    if isinstance(value, np.ndarray) and value.dtype.kind not in "OUSc":
                        yield name, value
                return
        half = len(names) // 2
        yield from self._run(side, values, given, names[:half])
        yield from self._run(side, values, given, names[half:])

    def _certain(self) -> list[Pair]:
        """Pairs that the candidate may be cut apart at."""
        doubtful = set(self.made.doubtful)
        return [
            pair
            for pair in self.pairs()
            if pair.candidate not in doubtful or (pair.reference, pair.candidate) in self._accepted
        ]

    def _fed(self, sample: int, names: Sequence[str]) -> dict[str, Array]:
        """The reference's values that the candidate's detached nodes read, in their form."""
        pairs = {pair.candidate: pair for pair in self._certain()}
        read = _core.frontier(self.candidate.model, list(pairs), list(names), True)
        needed = [pairs[name] for name in read if name in pairs]
        fed: dict[str, Array] = {}
        feeds: Values = dict(self.samples[sample].reference)
        by_reference: dict[str, list[Pair]] = {}
        for pair in needed:
            by_reference.setdefault(pair.reference, []).append(pair)
        for name, value in self._run(self.reference, feeds, {}, list(by_reference)):
            for pair in by_reference[name]:
                wanted = self.candidate.model.graph.value(pair.candidate).dtype or dtype_of(value)
                shaped = in_candidate_form(pair, value, self._shapes.get(sample, {}))
                fed[pair.candidate] = as_type(shaped, wanted)
        return fed

    # -- forms --------------------------------------------------------------------------------

    def _find_forms(self, *, detached: bool) -> None:
        """The views of pairs that are arranged otherwise, where their values agree."""
        pairs = self._formless()
        if not pairs:
            return
        ours = _by_name(self._reference_values(list(dict.fromkeys(name for name, _ in pairs))))
        theirs = _by_name(self._candidate_values([name for _, name in pairs], detached=detached))
        # Before any form is taken for granted: what is fed in a wrong form comes out right.
        compensated = {name for _, name in pairs if detached and self._readers_agree(name)}
        turned = set() if self._agree else self._turned_otherwise() - compensated
        for pair in pairs:
            left, right = ours.get(pair[0], []), theirs.get(pair[1], [])
            if not left or len(left) != len(right):
                continue
            if pair[1] in turned:
                found: Form | None = Form(None, sure=False)
            else:
                found = self._form(left, right, detached, pair[1] in compensated)
            if found is None:
                continue
            self._forms[pair] = found
            for sample, value in enumerate(right):
                self._shapes.setdefault(sample, {})[pair[1]] = value.shape

    def _form(
        self,
        ours: Sequence[Array],
        theirs: Sequence[Array],
        detached: bool,
        compensated: bool,
    ) -> Form | None:
        """Where the models differ, elements that were moved within one shape may be the fault.

        They are none when what reads them comes out right (`compensated`), and when they are in
        blocks, which is how runtimes keep channels.
        """
        if are_sizes_reordered(ours, theirs):
            return None
        found = find_form(ours, theirs, although_different=detached)
        same_shape = all(a.shape == b.shape for a, b in zip(ours, theirs, strict=True))
        if not same_shape or self._agree:
            return Form(None, sure=False) if found is None and detached and same_shape else found
        if found is not None and (_in_blocks(found) or (found.sure and found.view is None)):
            return found
        if not detached:
            return None
        if found is not None and found.sure and compensated:
            return found
        return Form(None, sure=False)

    def _turned_otherwise(self) -> set[str]:
        """Made by a Transpose of another perm than its counterpart's, from values of one form."""
        ours, theirs = self.reference.model.graph, self.candidate.model.graph
        moved, found = set(self.made.rearranged), set()
        for a, b, same in self.made.nodes:
            node = theirs.node(b)
            if same or node.op_type != "Transpose" or node.input_names[0] in moved:
                continue
            if ours.node(a).attributes != node.attributes:
                found.update(node.output_names)
        return found

    def pairs(self) -> list[Pair]:
        """All that can be compared. A pair in an unknown form cannot."""
        moved = set(self.made.rearranged)
        given = {(one.reference, one.candidate) for one in self.told if not one.guessed}
        pairs = []
        for ours, theirs, sure in self.made.values:
            form = self._forms.get((ours, theirs))
            if form is not None:
                pairs.append(Pair(ours, theirs, sure and form.sure, form.view))
            elif theirs not in moved or (ours, theirs) in given:
                pairs.append(Pair(ours, theirs, sure))
        return pairs


def _in_blocks(form: Form) -> bool:
    return isinstance(form.view, Rearranged) and form.view.block is not None


def _by_name(values: Iterator[tuple[str, Array]]) -> Mapping[str, list[Array]]:
    found: dict[str, list[Array]] = {}
    for name, value in values:
        found.setdefault(name, []).append(value)
    return found
