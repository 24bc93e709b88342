"""reduce: the smallest model that still shows a difference, a crash, a NaN or a complaint."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyonnxtool.divergence.blame.why import label
from pyonnxtool.divergence.case import Case, open_case
from pyonnxtool.divergence.first_look import FirstLook
from pyonnxtool.divergence.judge import metrics_of
from pyonnxtool.divergence.network.lineup import line_up
from pyonnxtool.divergence.reduced.check_command import CheckCommand
from pyonnxtool.divergence.reduced.keep import Shown
from pyonnxtool.divergence.reduced.narrow import Narrowing, Step
from pyonnxtool.divergence.reduced.repro_folder import (
    Repro,
    check_folder,
    expected_outputs,
    typed_feeds,
    write_repro,
)
from pyonnxtool.divergence.reduced.start import KEEPS, Start, Starter, same_model
from pyonnxtool.divergence.reduced.trial import Cutter, Recordings, Trial, with_output_types
from pyonnxtool.divergence.reduced.units import Anatomy, Unit, paired_units, same_model_units
from pyonnxtool.divergence.search.by_values import bisect_by_values
from pyonnxtool.divergence.search.isolated import Apart, Failed
from pyonnxtool.divergence.sweep import Progress
from pyonnxtool.errors import BackendError, UsageError
from pyonnxtool.report import ReducedNode, ReduceReport, ValueRow
from pyonnxtool.subjects import parse_subject, sides
from pyonnxtool.verdict import Tolerances

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.plan import Pair
    from pyonnxtool.divergence.probe import Side
    from pyonnxtool.subjects import SubjectLike

    Check = str | Callable[[Model, dict[str, Any]], bool]

_SHARE_OF_BUDGET = 0.35
_FEW = 4
"""So many units are tried out as fast as a sweep over all of them would take."""


def reduce(
    reference: SubjectLike,
    candidate: SubjectLike | None = None,
    *,
    folder: str | PathLike[str] | None = None,
    force: bool = False,
    keep: str = "auto",
    check: Check | None = None,
    near: Sequence[str] = (),
    timeout: float = 120.0,
    inputs: object = None,
    samples: int = 1,
    seed: int = 0,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    atol: Sequence[str | float] | str | float | None = None,
    rtol: Sequence[str | float] | str | float | None = None,
    ulp: Sequence[str | float] | str | float | None = None,
    memory: str | int = "2GiB",
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    custom_ops: Sequence[str] = (),
    progress: Progress | None = None,
    told: Callable[[Step], None] | None = None,
) -> ReduceReport:
    """Take nodes out of a model as long as it still shows what is wrong with it.

    Values that the nodes left over read from those taken out are inputs of the result, fed with
    what the reference computed. The result is 1-minimal: without any one of its nodes (or regions,
    where several stand for one counterpart) it is gone.

    `keep`: "diverges" (an output differs between the two subjects), "crashes" (the candidate's
    runtime dies, hangs for `timeout` seconds or refuses, in the same way), "nan", or "auto", the
    first of these that the whole models show. `check` decides instead: a command (see
    `CheckCommand`), or a function of the model and its inputs that is true while the bug is there.
    With one subject: it crashes or gives NaN, or onnxruntime's optimizations change its outputs.
    `near`: the candidate's values whose nodes are tried first. `folder`: where model, inputs,
    outputs, repro.py and ISSUE.md are written; an earlier one is replaced with `force`. `told` is
    called after each run. Everything else is as for `bisect`.

    Raises UsageError when there is nothing to reduce, ModelError, or BackendError.
    """
    if keep not in KEEPS:
        raise UsageError(f"--while {keep}: use one of {', '.join(KEEPS)}")
    if check is not None and keep != "auto":
        raise UsageError("--check decides what is kept; leave out --while")
    if folder is not None:
        check_folder(Path(folder), force=force)
    tolerances = Tolerances.parse(atol, rtol, ulp)
    command = CheckCommand(check, timeout) if isinstance(check, str) else None
    started = time.monotonic()
    ours, theirs = _sides(reference, candidate, custom_ops)
    apart = Apart(timeout)
    try:
        with open_case(
            ours,
            theirs,
            inputs=inputs,
            samples=samples,
            seed=seed,
            shapes=shapes,
            dims=dims,
            memory=memory,
            only=only,
            skip=skip,
            progress=progress,
        ) as case:
            starter = Starter(case, tolerances, apart, candidate is None)
            if check is None:
                start = starter.start(keep)
            else:
                start = starter.start_with(command or _asked(check))
            reducer = _Reducer(case, start, tolerances, told or (lambda step: None))
            repro = reducer.reduced(near, apart)
            took = time.monotonic() - started
            repro = replace(
                repro,
                report=replace(repro.report, seconds=round(took, 3)),
                command=command.lasting() if command else (),
                timeout=timeout,
            )
            if folder is None:
                return repro.report
            return write_repro(Path(folder), repro, force=force)
    finally:
        apart.close()


def _sides(
    reference: SubjectLike, candidate: SubjectLike | None, custom_ops: Sequence[str]
) -> tuple[Side, Side]:
    """One subject of another runtime than onnxruntime stands for both sides."""
    if candidate is None:
        subject = parse_subject(reference)
        if subject.recorded is not None:
            raise UsageError(f"{subject.text} holds values; name the model that is to be reduced")
        if subject.backend != "onnxruntime":
            side, _ = sides(reference, reference, custom_ops)
            return side, side
    return sides(reference, candidate, custom_ops)


def _typed(trial: Trial, shown: Shown, expected: Mapping[str, Any]) -> Trial:
    """The trial as it is written: its outputs have types."""
    candidate = with_output_types(trial.candidate, {**expected, **shown.candidate})
    if trial.reference is None:
        return replace(trial, candidate=candidate)
    return replace(
        trial,
        candidate=candidate,
        reference=with_output_types(trial.reference, shown.reference),
    )


def _asked(check: Any) -> Callable[[Trial], str]:
    def ask(trial: Trial) -> str:
        bad = check(trial.candidate.model, dict(trial.candidate.feeds))
        return "the check says that the bug is there" if bad else ""

    return ask


class _Reducer:
    def __init__(
        self, case: Case, start: Start, tolerances: Tolerances, told: Callable[[Step], None]
    ) -> None:
        self._case, self._start, self._tolerances = case, start, tolerances
        self._watched = Anatomy(start.watched.model)
        self._same = same_model(start.reference, start.watched)
        self._drift = False
        units, pairs, reference = self._units()
        limit = int(case.memory * _SHARE_OF_BUDGET)
        swapped = start.watched is case.reference and case.reference is not case.candidate
        sample = start.sample
        if swapped or not start.together:
            feeds = sample.reference if swapped else sample.candidate
            sample = replace(sample, reference=feeds, candidate=feeds)
        ours = Recordings(start.reference, sample.reference, start.runner, limit)
        theirs = Recordings(start.watched, sample.candidate, start.runner, limit)
        interface = {theirs: ours for ours, theirs in case.interface.inputs}
        self._cutter = Cutter(
            self._watched,
            reference,
            pairs,
            sample,
            interface,
            ours,
            theirs,
            together=start.together,
        )
        self._search = Narrowing(units, self._cutter, start.keep, told)

    def _units(self) -> tuple[list[Unit], list[Pair], Anatomy | None]:
        if self._same or not self._start.together:
            units, pairs = same_model_units(self._watched)
            if self._start.together:
                looked_at = {pair.candidate for pair in (*self._case.pairs, *self._case.outputs)}
                pairs = [pair for pair in pairs if pair.candidate in looked_at]
            return units, pairs, self._watched if self._start.together else None
        line_up(self._case, [self._start.sample])
        reference = Anatomy(self._case.reference.model)
        units, pairs = paired_units(self._case, self._watched, reference)
        recorded = self._case.reference.recorded is not None
        return units, pairs, None if recorded else reference

    def reduced(self, near: Sequence[str], apart: Apart) -> Repro:
        """The search and what it found. Raises UsageError where cutting alone hides the bug."""
        positions = self._search.search(self._hints(near)) if self._whole() else ()
        found = self._search.result(positions) if positions else None
        if found is None:
            raise BackendError(
                f"{self._start.shown.text}, but this is gone once the model is rebuilt from its "
                "nodes with inputs of fixed shape: it depends on more than the nodes"
            )
        trial, shown = found
        if shown.outputs and len(shown.outputs) < len(trial.outputs):
            fewer = self._search.shown(positions, shown.outputs)
            trial, shown = fewer if fewer is not None else found
        expected = self._expected(trial, shown, apart)
        trial = _typed(trial, shown, expected)
        report = self._report(trial, shown, positions)
        reference = self._start.reference if self._start.together else self._other()
        return Repro(trial, shown, report, reference, self._start.watched, expected)

    def _whole(self) -> bool:
        """Whether all units together show it, if need be with inputs of open shape."""
        everything = range(len(self._search.units))
        if self._search.shown(everything) is not None:
            return True
        self._cutter.open_shapes = True
        return self._search.shown(everything) is not None

    # -- where to look first ------------------------------------------------------------------

    def _hints(self, near: Sequence[str]) -> list[list[int]]:
        if near:
            return [self._positions(near)]
        if self._start.keep.word != "diverges" or len(self._search.units) <= _FEW:
            return []
        case = self._case
        case.samples = [self._start.sample]
        try:
            found = bisect_by_values(case, self._tolerances, FirstLook(bad=(0,)))
        except BackendError:  # the search goes on without what the values would have told
            return []
        self._drift = found.verdict == "drift"
        if not found.culprits:
            return []
        named = [self._positions(culprit.outputs) for culprit in found.culprits]
        regions = [
            sorted({*places, *self._labelled(culprit.region)})
            for places, culprit in zip(named, found.culprits, strict=True)
        ]
        everything = sorted({place for places in regions for place in places})
        return [places for places in (*named[:1], *regions[:1], everything) if places]

    def _positions(self, names: Sequence[str]) -> list[int]:
        """The units that make these values of the candidate."""
        makers = {self._watched.maker[name] for name in names if name in self._watched.maker}
        return self._of_nodes(makers)

    def _labelled(self, labels: Sequence[str]) -> list[int]:
        wanted = set(labels)
        return self._of_nodes({n.id for n in self._watched.order if label(n) in wanted})

    def _of_nodes(self, ids: set[int]) -> list[int]:
        return [at for at, unit in enumerate(self._search.units) if unit.candidate & ids]

    # -- what was found -----------------------------------------------------------------------

    def _other(self) -> Side:
        """The side that is not watched, where it is the same model; else the watched one."""
        case, watched = self._case, self._start.watched
        other = case.reference if watched is case.candidate else case.candidate
        return other if same_model(other, watched) else watched

    def _expected(self, trial: Trial, shown: Shown, apart: Apart) -> dict[str, Any]:
        """The reference's outputs, also where only a crash or NaN of the other was kept."""
        if shown.reference:
            return expected_outputs(trial, shown.reference)
        other = self._other()
        if other is self._start.watched or other.recorded is not None:
            return {}
        try:
            made = apart.run(other, trial.candidate.model, trial.candidate.feeds)
        except Failed:
            return {}
        return dict(made)

    def _report(self, trial: Trial, shown: Shown, positions: Sequence[int]) -> ReduceReport:
        model = trial.candidate.model
        left = [node for node in model.graph.order() if node.op_type != "Constant"]
        reference = trial.reference.model if trial.reference and not self._same else None
        case = self._case
        return ReduceReport(
            reference=case.texts[0],
            candidate=case.texts[1],
            kept=self._start.keep.word,
            shown=shown.text,
            nodes=tuple(ReducedNode(label(node), node.op_type, node.domain) for node in left),
            nodes_before=len(self._watched.order),
            graph=model.graph.text(),
            reference_graph=reference.graph.text() if reference else "",
            inputs=typed_feeds(trial.candidate.feeds, [value.name for value in model.graph.inputs]),
            outputs=tuple(self._row(model, name, trial, shown) for name in shown.found),
            trials=self._search.runs,
            runs={"reference": case.reference.runs, "candidate": case.candidate.runs},
            sample=self._start.sample.number,
            notes=(*case.interface.notes, *self._notes(positions)),
        )

    def _notes(self, positions: Sequence[int]) -> list[str]:
        regions = [self._search.units[at] for at in positions]
        names = {node.id: label(node) for node in self._watched.order}
        notes = [
            "these nodes stay together, the two models have no value in common between them: "
            + ", ".join(names[one] for one in sorted(unit.candidate))
            for unit in regions
            if len(unit.candidate) > 1
        ]
        if self._drift:
            notes.append(
                "no node by itself adds more than rounding explains (drift): what is left "
                "amplifies rounding, which is not a bug of the runtime"
            )
        if self._cutter.open_shapes:
            notes.append("with inputs of fixed shape it is gone: the result keeps them open")
        return notes

    @staticmethod
    def _row(model: Model, name: str, trial: Trial, shown: Shown) -> ValueRow:
        found = shown.found[name]
        source = next(pair.reference for pair in trial.outputs if pair.candidate == name)
        node = model.graph.value(name).producer
        return ValueRow(
            value=name,
            reference_value=source,
            node=label(node) if node is not None else "",
            op_type=node.op_type if node is not None else "",
            dtype=found.dtype,
            shape=found.shape,
            status="bad" if name in shown.outputs else "noise" if not found.identical else "ok",
            accumulated=metrics_of(found),
            tolerance=shown.limits.get(name),
            note=found.note,
        )
