"""Which node of a rewritten model is to blame when an output differs, and what was done to it."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.bisection import bisect
from pyonnxtool.divergence.pairing.given_pairs import view_of
from pyonnxtool.divergence.recorded import RecordedBackend
from pyonnxtool.errors import PyonnxtoolError
from pyonnxtool.rewriting import Refusal, StandsFor
from pyonnxtool.subjects import Subject
from pyonnxtool.wording import finding

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node
    from pyonnxtool.divergence.probe import Feeds, Side
    from pyonnxtool.proof import Check
    from pyonnxtool.report import Culprit
    from pyonnxtool.subjects import SubjectLike

_MOST_NAMED = 4
_MOST_LAYOUTS = 2


@dataclass(frozen=True)
class Blamed:
    """Who makes a difference."""

    verdict: str
    """As bisect has it; empty where it could not be run."""
    reasons: tuple[Refusal, ...]
    """The nodes to blame, or why none can be named."""


def blamed(
    original: Side,
    rewritten: Side,
    feeds: Feeds,
    check: Check,
    told: Sequence[StandsFor],
    rules: Mapping[str, str],
) -> Blamed:
    """The nodes that make the difference on these inputs, or why none can be named.

    `told` is what the rewrite says of the values that it made, `rules` by what. Both models are run
    as they are verified: without optimizations.
    """
    known = [*told, *_themselves(original.model, rewritten.model, told, rules)]
    try:
        report = bisect(
            _as_verified(original),
            _as_verified(rewritten),
            inputs=feeds,
            memory=check.memory,
            custom_ops=check.custom_ops,
            progress=check.progress,
            value_map=known,
            skip=list(_new(original.model, rewritten.model, known)) if rules else (),
        )
    except PyonnxtoolError as error:
        return Blamed("", (Refusal("", "", f"no node can be named: {error}"),))
    if not report.culprits:
        told_of = f"{report.verdict}: {finding(report)}"
        if report.verdict == "same":
            told_of = "no node is wrong by the usual tolerance; the one that was given is smaller"
        return Blamed(report.verdict, (Refusal("", "", told_of),))
    culprits = [
        _replaced(culprit, original.model, rules)
        or Refusal(
            culprit.node or ", ".join(culprit.outputs),
            culprit.op_type,
            culprit.why or f"introduces the difference in {', '.join(culprit.outputs)}",
            _rule(culprit.outputs, original.model, rewritten.model, told, rules),
        )
        for culprit in report.culprits[:_MOST_NAMED]
    ]
    return Blamed(report.verdict, tuple(culprits))


def _replaced(culprit: Culprit, original: Model, rules: Mapping[str, str]) -> Refusal | None:
    """The node of the original that a rule made several of, which compute something else."""
    rule = next((rules[name] for name in culprit.outputs if name in rules), "")
    if not rule or not culprit.region:
        return None
    for node in original.graph.nodes:
        if set(culprit.reference_outputs) & set(node.output_names):
            label = node.name or culprit.reference_outputs[0]
            return Refusal(
                label, node.op_type, "what takes its place computes something else", rule
            )
    return None


def _themselves(
    original: Model, rewritten: Model, told: Sequence[StandsFor], rules: Mapping[str, str]
) -> Iterator[StandsFor]:
    """Outputs, and values that a rule made under their old name: each stands for none but itself.

    A wrong node may look just like another node of the original.
    """
    known = {one.value for one in told} | {one.old_value for one in told}
    made = {name for one in original.graph.nodes for name in one.output_names if name}
    there = {name for one in rewritten.graph.nodes for name in one.output_names if name}
    outputs = [value.name for value in original.graph.outputs]
    for name in dict.fromkeys([*outputs, *rules]):
        if name in made and name in there and name not in known:
            yield StandsFor(name, name)


def _new(original: Model, rewritten: Model, known: Sequence[StandsFor]) -> Iterator[str]:
    """Globs of values that rules made on the way.

    They look like values of the original, whose numbers they need not hold: what a rule is to make
    has its old name, or is told.
    """
    told = {one.value for one in known}
    before = {name for one in original.graph.nodes for name in one.output_names}
    for node in rewritten.graph.nodes:
        yield from (
            glob.escape(name)
            for name in node.output_names
            if name and name not in before and name not in told
        )


def _as_verified(side: Side) -> SubjectLike:
    if isinstance(side.backend, RecordedBackend):
        return Subject(side.text, None, side.backend.name, recorded=side.backend.recorded)
    plain = side.backend.name == "onnxruntime"
    return side.model, f"{side.backend.name}:none" if plain else side.backend.name


def _rule(
    outputs: Sequence[str],
    original: Model,
    rewritten: Model,
    told: Sequence[StandsFor],
    rules: Mapping[str, str],
) -> str:
    """What was done to the node that makes these values, as far as that can be seen."""
    for name in outputs:
        if name in rules:
            return rules[name]
    for node in rewritten.graph.nodes:
        if set(outputs) & set(node.output_names):
            return _folded(node, original) or "; ".join(_relaid(node, original, told))
    return ""


def _folded(node: Node, original: Model) -> str:
    """A constant that the node reads and that was computed before is what was rewritten."""
    made = {name for one in original.graph.nodes for name in one.output_names if name}
    for value in node.inputs:
        if value is not None and value.initializer is not None and value.name in made:
            return f"folded constant {value.name!r}"
    return ""


def _relaid(node: Node, original: Model, told: Sequence[StandsFor]) -> Iterator[str]:
    """Another operator than before, and values that the node reads or makes in another layout."""
    by_name = {one.value: one for one in told}
    known = [by_name[name] for name in node.output_names if name in by_name]
    before = {name: one for one in original.graph.nodes for name in one.output_names if name}
    names = [*node.output_names, *(one.old_value for one in known)]
    old = next((before[name] for name in names if name in before), None)
    if old is not None and old.op_type != node.op_type:
        yield f"{old.op_type} became {node.op_type}"
    for verb, names in (("reads", node.input_names), ("makes", node.output_names)):
        moved = [by_name[name] for name in names if name in by_name]
        views = [(one, view) for one in moved if (view := view_of(one)) is not None]
        for one, view in views[:_MOST_LAYOUTS]:
            yield f"{verb} {one.value!r} {view.note}"
