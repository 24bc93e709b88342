"""Bisect by values: each node of the candidate is given what the reference had at its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.divergence.blame.likeliest import Blame
from pyonnxtool.divergence.blame.moved_axes import forms_of, is_moved
from pyonnxtool.divergence.blame.surroundings import surroundings
from pyonnxtool.divergence.blame.why import comes_from, differences, label, neighbourhood
from pyonnxtool.divergence.bodies.descent import look_inside
from pyonnxtool.divergence.bodies.outer_values import OuterValues
from pyonnxtool.divergence.bodies.turns import control_flow_pair, decided_by
from pyonnxtool.divergence.case import Case
from pyonnxtool.divergence.first_look import FirstLook
from pyonnxtool.divergence.functions import function_of
from pyonnxtool.divergence.graph_order import in_graph_order
from pyonnxtool.divergence.judge import Judge, metrics_of
from pyonnxtool.divergence.network.lineup import line_up
from pyonnxtool.divergence.quantized.faults import (
    beyond_calibration,
    is_saturation,
    main_node,
    reasons,
)
from pyonnxtool.divergence.quantized.rows import noise_reason, quantized_rows
from pyonnxtool.divergence.search.drift import drift
from pyonnxtool.divergence.search.ranking import ranked
from pyonnxtool.divergence.search.suspects import Fault, Search
from pyonnxtool.divergence.steadiness import observer_effect
from pyonnxtool.divergence.sweep import Swept
from pyonnxtool.report import BisectReport, Culprit, ValueRow
from pyonnxtool.verdict import Tolerances

if TYPE_CHECKING:
    from pyonnxtool._core import Node

_MOST_SAMPLES = 3
"""Of the samples whose outputs differ, so many are looked into, the worst first."""
_LEAST_COVERAGE = 0.5
_SAME_BUT_LAYOUT = "node and counterpart are the same but for the layout of what they read and make"
_WIDEST_REGION = 0.5
"""Of the candidate's nodes: a culprit region that holds more says nothing."""


def bisect_by_values(case: Case, tolerances: Tolerances, first: FirstLook) -> BisectReport:
    """Every fault in one sweep, or drift. `first` holds at least one sample that differs."""
    return _ByValues(case, tolerances, first).report()


class _ByValues:
    def __init__(self, case: Case, tolerances: Tolerances, first: FirstLook) -> None:
        self._case, self._tolerances, self._first = case, tolerances, first
        self._partner = {theirs: ours for ours, theirs, _ in case.alignment.nodes}
        self._source = {pair.candidate: pair.reference for pair in case.pairs}
        self._source |= {theirs: ours for ours, theirs in case.interface.inputs}
        self._forms = forms_of(case)
        self._rows: dict[str, ValueRow] = {}
        self._beyond = ""
        """Why ranges that are too narrow are no faults of the model."""
        self._alone: dict[str, float | None] = {}
        """What each fault, by its value, does to the final outputs by itself."""
        self._damaged: set[str] = set()
        """Names of culprits that differ from their counterparts as no optimizer makes them."""

    def report(self) -> BisectReport:
        case = self._case
        case.samples = [case.samples[index] for index in self._first.bad[:_MOST_SAMPLES]]
        line_up(case, case.samples)
        search = Search(case, self._tolerances, case.pairs)
        found = ranked(case, search, search.faults())
        self._alone = {fault.measured.pair.candidate: alone for fault, alone in found}
        case.pairs = search.pairs
        self._source |= {pair.candidate: pair.reference for pair in case.pairs}
        report = self._judged(search, [fault for fault, _ in found])
        noisy = quantized_rows(case, search.swept)
        if noisy and report.verdict == "drift" and not self._beyond:
            report = replace(report, reason=noise_reason(noisy))
        values = in_graph_order(self._rows.values(), case.candidate.model.graph)
        return replace(report, values=values, quantized=noisy)

    # -- from measurements to a verdict -------------------------------------------------------

    def _judged(self, search: Search, faults: Sequence[Fault]) -> BisectReport:
        judge, swept = search.judge, search.swept
        effect = observer_effect(judge, swept)
        rows = [judge.row(m) for m in swept.values.values() if m.accumulated is not None]
        self._rows = {row.value: row for row in rows}
        named = [(fault, culprit) for fault in faults for culprit in self._blamed(fault, search)]
        if self._case.quantization is not None:
            count = self._case.quantization.quantizers
            self._beyond = beyond_calibration([culprit for _, culprit in named], count)
            named = [item for item in named if not (self._beyond and is_saturation(item[1]))]
        if named:
            return self._judge_width(self._explained(named), effect)
        reason = self._doubt(swept, judge, effect)
        found = drift(self._case, search)
        return self._first.report(
            self._case,
            "inconclusive" if reason else "drift",
            observer_effect=effect,
            reason=reason or self._beyond or found.reason,
            contributors=found.contributors,
            gains=found.gains,
        )

    def _doubt(self, swept: Swept, judge: Judge, effect: str) -> str:
        """Why no culprit may mean that none was seen; empty when it was looked for everywhere."""
        probed = [swept.values[pair.candidate] for pair in self._case.outputs]
        vanished = all(
            m.accumulated is not None and judge.within_tolerance(m.pair.candidate, m.accumulated)
            for m in probed
        )
        if effect != "none" and vanished:
            return (
                "the difference vanishes when values are marked as outputs: it is made by an "
                "optimization that watching prevents; --by splice and --by pass watch nothing"
            )
        failed = [m for m in swept.values.values() if m.error]
        if failed:
            return (
                f"{len(failed)} nodes could not be run on their own, "
                f"for example {failed[0].pair.candidate!r}: {failed[0].error}"
            )
        coverage = self._case.coverage
        total = coverage.compared + coverage.ambiguous + coverage.unmatched
        if coverage.compared < _LEAST_COVERAGE * total:
            return f"too little could be paired to judge: {coverage.sentence()}"
        return ""

    def _explained(self, named: list[tuple[Fault, Culprit]]) -> list[tuple[Fault, Culprit]]:
        """Without faults that have no reason, where others have one.

        The same node on the same backend computes the same: if it seems not to, it was fed a value
        that a wrong pair put in its place.
        """
        one_backend = (
            self._case.reference.backend is self._case.candidate.backend
            and self._case.reference.options == self._case.candidate.options
        )
        unexplained = (self._same_node(), _SAME_BUT_LAYOUT)
        reasoned = [item for item in named if item[1].why not in unexplained]
        return reasoned if one_backend and reasoned else named

    def _judge_width(
        self,
        named: Sequence[tuple[Fault, Culprit]],
        effect: str,
    ) -> BisectReport:
        total = len(self._case.candidate.model.graph.nodes)
        narrow = [
            culprit
            for fault, culprit in named
            if len(fault.region) <= max(4, _WIDEST_REGION * total)
            or culprit.node in self._damaged
            or self._case.is_body
        ]
        if narrow:
            return self._first.report(
                self._case, "fault", observer_effect=effect, culprits=tuple(narrow)
            )
        reason = (
            f"the models have too little structure in common: the difference arises somewhere in "
            f"{len(named[0][0].region)} of {total} nodes ({self._case.coverage.sentence()})"
        )
        return self._first.report(self._case, "inconclusive", observer_effect=effect, reason=reason)

    def _blamed(self, fault: Fault, search: Search) -> list[Culprit]:
        """The culprit; nodes inside it where it has bodies; nobody where they only drift."""
        culprit = self._culprit(fault, search.judge)
        case, swept = self._case, search.swept
        pair = control_flow_pair(*self._regions(fault))
        if pair is None or case.reference.recorded is not None:
            decided = decided_by(case.candidate.model.graph.value(fault.measured.pair.candidate))
            told = [f"so {name!r} takes another branch" for name in decided]
            return [replace(culprit, why="; ".join([culprit.why, *told]))]
        # Another sample may take another branch, or run more iterations.
        samples = sorted(case.samples, key=lambda s: s.number != fault.measured.sample)
        found = []
        for sample in samples:
            around = OuterValues(case, sample, swept.types, swept.shapes)
            found.append(look_inside(case, self._tolerances, pair, around, bisect_by_values))
            if found[-1].culprits:
                return found[-1].blame(culprit)
        return next((one for one in found if not one.clean), found[0]).blame(culprit)

    # -- words --------------------------------------------------------------------------------

    def _regions(self, fault: Fault) -> tuple[list[Node], list[Node]]:
        """The nodes of the reference and of the candidate that make the fault's value."""
        reference, candidate = self._case.reference.model, self._case.candidate.model
        paired, made = [p.reference for p in self._case.pairs], [fault.measured.pair.reference]
        ours = _core.region(reference, paired, made, True)
        return (
            [reference.graph.node(index) for index in ours],
            [candidate.graph.node(index) for index in fault.region],
        )

    def _culprit(self, fault: Fault, judge: Judge) -> Culprit:
        reference, candidate = self._case.reference.model, self._case.candidate.model
        pair = fault.measured.pair
        ours, theirs = self._regions(fault)
        blame = Blame(reference, candidate, ours, self._partner, self._source, self._forms)
        quantization = self._case.quantization
        node = (main_node(theirs) if quantization else None) or blame.likeliest(theirs)
        if blame.shows_damage(node):
            self._damaged.add(label(node))
        partner = blame.counterpart(node)
        why = (
            differences(reference, partner, candidate, node, self._source, self._forms)
            if partner
            else [f"the reference has no counterpart of this {node.op_type}"]
        )
        if quantization is not None:
            swept = judge.swept
            told = reasons(quantization, self._case, fault.measured, swept, partner, why)
            node, why = told[0][0] if told else node, [text for _, text in told] or why
        if not why:
            same = _SAME_BUT_LAYOUT if is_moved(node, self._forms) else self._same_node()
            why = (comes_from(partner, node) if partner else []) or [same]
        bound = judge.bound(fault.measured)
        condition = fault.condition()
        return Culprit(
            node=label(node),
            op_type=node.op_type,
            domain=node.domain,
            graph=function_of(node) or "main",
            outputs=tuple(name for name in node.output_names if name),
            reference_node=label(partner) if partner else "",
            reference_outputs=tuple(partner.output_names) if partner else (pair.reference,),
            introduced=metrics_of(fault.measured.introduced),
            accumulated=metrics_of(fault.measured.accumulated),
            referee=(
                fault.ruling.sentence(bound, self._case.swapped)
                if fault.ruling
                else "not judged in float64"
            ),
            why="; ".join(why),
            region=tuple(map(label, theirs)) if len(theirs) > 1 else (),
            neighbourhood=neighbourhood(node),
            condition=condition.number if condition is not None else None,
            alone=self._alone.get(pair.candidate),
            surroundings=surroundings(node, fault.region, self._rows.get),
        )

    def _same_node(self) -> str:
        if self._case.reference.recorded is not None:
            return "the recorded value is not what this node makes of the recorded inputs"
        return "node and counterpart are the same: the backends compute them differently"
