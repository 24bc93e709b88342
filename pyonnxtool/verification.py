"""A rewrite is checked before it is written: both models run, and their final outputs agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.agreement import judged, side_of
from pyonnxtool.counterparts import Counterparts
from pyonnxtool.divergence.case import feeds_of, parse_memory
from pyonnxtool.divergence.probe import Feeds, Side, Values
from pyonnxtool.errors import BackendError, UsageError
from pyonnxtool.feeds import required_inputs
from pyonnxtool.feeds.sizes import resolve_shapes
from pyonnxtool.inspection import key_of, random_ops
from pyonnxtool.mismatch import blamed
from pyonnxtool.report import ValueRow
from pyonnxtool.rewriting import Refusal, StandsFor, Verification, refused
from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.wording import distance

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node
    from pyonnxtool.proof import Check
    from pyonnxtool.rewriting.report import Axes

Shapes = Mapping[str, tuple[int, ...]]
_MOST_NAMED = 4
_SHARE_OF_BUDGET = 4
_DRIFTS = (
    "differs by more than outputs may, yet no node adds more than its rounding explains: rounding "
    "adds up on the way"
)


@dataclass(frozen=True)
class _Trial:
    feeds: Feeds
    needed: bool
    """The original has to run on it: these are not sizes that we chose."""


def verify(
    what: str,
    original: Model | Side,
    rewritten: Model,
    check: Check,
    told: Sequence[StandsFor] = (),
    border: Mapping[str, Axes] | None = None,
    *,
    ports: Mapping[str, str] | None = None,
    rules: Mapping[str, str] | None = None,
    drifts: bool = False,
    examples: Sequence[Feeds] = (),
) -> Verification:
    """Run both models under onnxruntime, as the files have them, and compare final outputs.

    A model whose opset or IR version onnxruntime does not take runs on the reference evaluator.

    Sizes that the rewritten model leaves open are tried at two values each. `told` is what the
    rewrite says of the values that it made, for the search after a mismatch; `what` names the
    rewrite. `border` gives the order of axes in which inputs and outputs of the rewritten model
    come, where it is another one: inputs are those of the original model, transposed. `ports` are
    inputs and outputs of the rewritten model with another name, to that in the original; with them
    (they may be empty) element types may differ too: both models are given values that either can
    hold, and outputs are compared in the type of the rewritten model. Outputs that one of them
    lacks are left out. `rules` are
    values of the rewritten model and what made them, to name it after a mismatch. Of a rewrite
    that adds numbers up in another order (`drifts`), outputs may differ by more when every node,
    given the original's values, stays within its rounding.

    The original may be a side: a network that runs elsewhere. On the inputs of `examples` it has to
    run; on generated ones it may then fail, as they may be none that it is meant for.

    Raises Refused when an output differs by more than its dtype's rounding allows, with the node;
    BackendError when the original model cannot be run, so that nothing can be said; UsageError when
    the two have no output in common, or the rewritten model an input of its own.
    """
    border = border or {}
    before = original.model if isinstance(original, Side) else original
    counterparts = Counterparts(before, rewritten, ports, border)
    counterparts.check()
    verifier = _Verifier(what, original, rewritten, check, counterparts, examples)
    try:
        for trial in verifier.trials():
            verifier.run(trial)
        verifier.catch_up()
    finally:
        verifier.close()
    if verifier.failed is not None:
        known = {one.value for one in told}
        moves = [StandsFor(n, n, tuple(perm)) for n, perm in border.items() if n not in known]
        verifier.judge([*told, *moves], rules or {}, drifts=drifts)
    return verifier.result()


class _Verifier:
    def __init__(
        self,
        what: str,
        original: Model | Side,
        rewritten: Model,
        check: Check,
        counterparts: Counterparts,
        examples: Sequence[Feeds],
    ) -> None:
        self._what, self._check = what, check
        self._counterparts, self._examples = counterparts, examples
        self._notes: list[str] = []
        self._ours = self._side("the original model", original)
        self._theirs = self._side("the rewritten model", rewritten)
        self._fitted = self._ours.model if counterparts.are_moved else rewritten
        self._random = drawn_outputs(self._ours.model)
        self._worst: dict[str, tuple[float, ValueRow]] = {}
        self._sizes: dict[tuple[Any, ...], Shapes] = {}
        self._drifted: list[str] = []
        self._samples = 0
        self._waiting: list[tuple[Feeds, Values]] = []
        self._held = 0
        self._limit = parse_memory(check.memory) // _SHARE_OF_BUDGET
        self.failed: Feeds | None = None
        """The first inputs on which an output differs."""

    def _side(self, text: str, model: Model | Side) -> Side:
        if isinstance(model, Side):
            return model
        side, note = side_of(text, model, self._check)
        self._notes += filter(None, [note])
        return side

    def trials(self) -> Iterator[_Trial]:
        """Inputs of the original, of sizes that the rewritten model takes too."""
        for feeds in self._examples:
            yield _Trial(feeds, needed=True)
        if self._check.inputs is not None:
            for feeds in self._given():
                yield _Trial(self._counterparts.rounded(feeds), needed=True)
            return
        first, second = (self._shapes(other=other) for other in (False, True))
        yield from self._generated(first, needed=not self._examples)
        if first == second:
            return
        ran = self._samples
        yield from self._generated(second, needed=False)
        if self._samples == ran:  # all at once do not fit together; each alone may
            for shapes in _one_by_one(self._fitted, self._in_new_names(second)):
                yield from self._generated(self._in_old_names(shapes), needed=False)

    def _given(self) -> list[dict[str, Any]]:
        """Inputs that were given: for the original, or else for the rewritten model."""
        check = self._check

        def read(model: Model) -> list[dict[str, Any]]:
            return feeds_of(model, check.inputs, check.samples, check.seed, None, None)

        if self._counterparts.suit_each_other:
            return read(self._fitted)
        try:
            return read(self._ours.model)
        except UsageError:
            with suppress(UsageError):
                return [self._counterparts.told_in_old(one) for one in read(self._theirs.model)]
            raise

    def _shapes(self, *, other: bool) -> Shapes:
        return self._in_old_names(resolve_shapes(self._fitted, {}, {}, other=other))

    def _in_old_names(self, shapes: Shapes) -> Shapes:
        return {self._counterparts.old_input(name): sizes for name, sizes in shapes.items()}

    def _in_new_names(self, shapes: Shapes) -> Shapes:
        return {self._counterparts.new_input(name): sizes for name, sizes in shapes.items()}

    def _generated(self, shapes: Shapes, *, needed: bool) -> Iterator[_Trial]:
        check, ports = self._check, self._counterparts
        try:
            made = feeds_of(self._ours.model, None, check.samples, check.seed, shapes, None)
        except UsageError as error:
            if needed:
                raise
            self._notes.append(f"not checked at {_told(shapes)}: the original model: {error}")
            return
        if ports.unlike:  # numbers of a kind that the rewritten model would be given
            others = self._in_new_names(shapes)
            theirs = feeds_of(self._theirs.model, None, check.samples, check.seed, others, None)
            told = [ports.told_in_old(feeds) for feeds in theirs]
            made = [
                feeds | {name: other[name] for name in ports.unlike}
                for feeds, other in zip(made, told, strict=True)
            ]
        for feeds in made:
            yield _Trial(ports.rounded(feeds), needed)

    def run(self, trial: _Trial) -> None:
        """Run the original on one set of inputs; the rewritten model catches up from time to time.

        One of the two is open at a time: a large model is not mapped twice.
        """
        opened = False
        try:
            self._ours.whole()
            opened = True
            expected = self._ours.run_whole(trial.feeds)
        except BackendError as error:
            if trial.needed:
                raise self._unverified(error, opened=opened) from error
            why = f"the original model does not run: {_bare(error, self._ours)}"
            self._notes.append(f"not checked at {_told(_shapes_of(trial.feeds))}: {why}")
            return
        self._samples += 1
        self._waiting.append((trial.feeds, expected))
        self._held += sum(getattr(array, "nbytes", 0) for array in expected.values())
        if self._held > self._limit:
            self.catch_up()

    def catch_up(self) -> None:
        """Run the rewritten model on what the original has run on, and compare."""
        self._ours.close()
        first = self._samples - len(self._waiting)
        for number, (feeds, expected) in enumerate(self._waiting, first):
            self._compare(feeds, expected, number)
            if self._check.progress is not None:
                self._check.progress("verifying", number + 1, self._samples)
        self._theirs.close()
        self._waiting, self._held = [], 0

    def _compare(self, feeds: Feeds, expected: Values, number: int) -> None:
        shapes = _shapes_of(feeds)
        ports = self._counterparts
        try:
            found = self._theirs.run_whole(ports.fed(feeds))
        except BackendError as error:
            why = f"the rewritten model does not run at {_told(shapes)}, and the original does"
            reason = f"{why}: {_bare(error, self._theirs)}"
            raise refused(self._what, [Refusal("", "", reason)]) from error
        self._sizes.setdefault(tuple(sorted(shapes.items())), shapes)
        good = [
            self._agree(name, value, found[new], number)
            for name, value in expected.items()
            if (new := ports.new_output(name)) is not None
        ]
        if not all(good) and self.failed is None:
            self.failed = feeds

    def _unverified(self, error: BackendError, *, opened: bool) -> BackendError:
        made_up = opened and self._check.inputs is None
        advice = "give real inputs with --inputs, or " if made_up else ""
        return BackendError(
            f"{self._what} could not be verified: the original model does not run here: "
            f"{_bare(error, self._ours)}; {advice}{self._check.without_it}"
        )

    def _agree(self, name: str, expected: object, found: object, number: int) -> bool:
        ports = self._counterparts
        rank, row = judged(
            name,
            ports.expected(name, expected),
            ports.turned_back(name, found),
            self._check.tolerances,
            sample=number,
            is_random=name in self._random,
            note=ports.note(name),
        )
        if name not in self._worst or rank > self._worst[name][0]:
            row = replace(row, value=ports.new_output(name) or name)
            self._worst[name] = (rank, row)
        return row.status != "bad"

    def result(self) -> Verification:
        """What was compared, and what was not."""
        if self._random:
            listed = ", ".join(map(repr, sorted(self._random)[:_MOST_NAMED]))
            self._notes.append(
                f"of output {listed} only type and shape were compared: random numbers decide it"
            )
        rows = tuple(row for name, (_, row) in self._worst.items() if name not in self._random)
        return Verification(
            samples=self._samples,
            sizes=tuple(self._sizes.values()),
            outputs=rows,
            tolerance=self._check.tolerances.sentence(row.dtype for row in rows),
            notes=tuple(self._notes),
            backends=(self._ours.backend.name, self._theirs.backend.name),
            drifted=tuple(self._drifted),
        )

    def judge(self, told: Sequence[StandsFor], rules: Mapping[str, str], *, drifts: bool) -> None:
        """Raise Refused with the outputs that differ and the nodes that are to blame.

        Nothing is raised where all nodes are right and only drift may be.
        """
        assert self.failed is not None
        bad = [row for _, row in self._worst.values() if row.status == "bad"]
        found = [
            Refusal("", "", f"output {row.value!r} differs: {_distance(row)}")
            for row in bad[:_MOST_NAMED]
        ]
        who = blamed(self._ours, self._theirs, self.failed, self._check, told, rules)
        if not drifts or who.verdict != "drift":
            raise refused(self._what, [*found, *who.reasons])
        for name, (rank, row) in self._worst.items():
            if row.status == "bad":
                self._worst[name] = (rank, replace(row, status="noise"))
                self._drifted.append(name)
                self._notes.append(f"output {name!r} {_DRIFTS}")

    def close(self) -> None:
        """Close both sessions."""
        self._ours.close()
        self._theirs.close()


def drawn_outputs(model: Model) -> set[str]:
    """Final outputs that depend on random numbers: two runs of one model never agree on them."""
    random = random_ops()
    bodies = {(f.domain, f.name): f.graph for f in model.functions}

    def draws(node: Node) -> bool:
        if key_of(node) in random or (node.op_type == "Dropout" and len(node.input_names) > 2):
            return True
        inner = [*node.subgraphs, *([bodies[key_of(node)]] if key_of(node) in bodies else [])]
        return any(
            draws(one) for body in inner for graph in graphs_under(body) for one in graph.nodes
        )

    drawn: set[str] = set()
    for node in model.graph.order():
        read = {*node.input_names, *(value.name for value in node.captured)}
        if read & drawn or draws(node):
            drawn.update(filter(None, node.output_names))
    return drawn & {value.name for value in model.graph.outputs}


def _one_by_one(model: Model, second: Shapes) -> Iterator[Shapes]:
    """The first sizes, with that of one name at a time from the second ones."""
    sizes = {
        dim: second[value.name][axis]
        for value in required_inputs(model)
        for axis, dim in enumerate(value.shape or ())
        if isinstance(dim, str)
    }
    for name, size in sorted(sizes.items()) if len(sizes) > 1 else ():
        yield resolve_shapes(model, {}, {name: size})


def _distance(row: ValueRow) -> str:
    return "; ".join(filter(None, (distance(row), row.note))) or "it is of another type"


def _bare(error: BackendError, side: Side) -> str:
    """The text without the side's name, which an error of opening has and one of running not."""
    return str(error).removeprefix(f"{side.text}: ")


def _shapes_of(feeds: Feeds) -> Shapes:
    return {name: np.shape(array) for name, array in feeds.items()}


def _told(shapes: Shapes) -> str:
    return ", ".join(f"{name}[{','.join(map(str, shape))}]" for name, shape in shapes.items())
