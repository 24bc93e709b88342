"""A region that was found without watching, as a culprit: its nodes, and the likeliest of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.divergence.compare import Comparison, compare
from pyonnxtool.divergence.judge import metrics_of
from pyonnxtool.divergence.surroundings import surroundings
from pyonnxtool.divergence.why import differences, label, likeliest, neighbourhood
from pyonnxtool.errors import BackendError
from pyonnxtool.report import Culprit

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.frontiers import Frontiers
    from pyonnxtool.divergence.mixture import Mixture, Span

_SAME = (
    "every node is the same as its counterpart: run together, they compute something else, so a "
    "fusion or a kernel is to blame"
)
_SAME_NODE = "node and counterpart are the same: the backends compute them differently"


def named_region(
    case: Case, mixture: Mixture, frontiers: Frontiers, spans: Sequence[Span]
) -> Culprit:
    """The candidate's nodes of these steps. They are run once more, on the reference's values."""
    pairs = frontiers.pairs
    made = [step for span in spans for step in mixture.made_for_later(span) or [span[1] - 1]]
    theirs = _nodes(case.candidate.model, spans, made, lambda step: pairs[step].candidate)
    ours = _nodes(case.reference.model, spans, made, lambda step: pairs[step].reference)
    idle = set(case.alignment.no_ops)
    computing = [node for node in theirs if node.op_type != "Constant" and node.id not in idle]
    theirs = computing or theirs
    partner = {candidate: reference for reference, candidate, _ in case.alignment.nodes}
    node, why = _likeliest(case, ours, theirs, partner)
    counterpart = partner.get(node.id)
    other = case.reference.model.graph.node(counterpart) if counterpart is not None else None
    introduced, accumulated = _confirmed(mixture, spans, made)
    return Culprit(
        node=label(node),
        op_type=node.op_type,
        domain=node.domain,
        graph="main",
        outputs=tuple(name for name in node.output_names if name),
        reference_node=label(other) if other is not None else "",
        reference_outputs=(
            tuple(other.output_names)
            if other is not None
            else tuple(pairs[step].reference for step in made)
        ),
        introduced=metrics_of(introduced),
        accumulated=metrics_of(accumulated),
        why=why,
        region=tuple(map(label, theirs)) if len(theirs) > 1 else (),
        neighbourhood=neighbourhood(node),
        surroundings=surroundings(node, [one.id for one in theirs], lambda name: None),
    )


def _nodes(
    model: Model, spans: Sequence[Span], made: Sequence[int], name: Callable[[int], str]
) -> list[Node]:
    found: dict[int, Node] = {}
    for start, end in spans:
        given = list(dict.fromkeys(name(step) for step in range(start)))
        targets = [name(step) for step in made if start <= step < end]
        targets = [target for target in targets if target not in set(given)]
        for node in _core.region(model, given, targets) if targets else ():
            found.setdefault(node, model.graph.node(node))
    return list(found.values())


def _likeliest(
    case: Case, ours: Sequence[Node], theirs: Sequence[Node], partner: dict[int, int]
) -> tuple[Node, str]:
    """The first node that is not what its counterpart is, and in what."""
    reference, candidate = case.reference.model, case.candidate.model
    source = {pair.candidate: pair.reference for pair in case.pairs}
    source |= {theirs: ours for ours, theirs in case.interface.inputs}
    for node in theirs:
        if node.id in partner:
            other = reference.graph.node(partner[node.id])
            found = differences(reference, other, candidate, node, source)
            if found:
                return node, "; ".join(found)
    node = likeliest(ours, theirs, partner) if len(theirs) > 1 else theirs[0]
    if node.id not in partner:
        return node, f"the reference has no counterpart of this {node.op_type}"
    return node, _SAME if len(theirs) > 1 else _SAME_NODE


def _confirmed(
    mixture: Mixture, spans: Sequence[Span], made: Sequence[int]
) -> tuple[Comparison | None, Comparison | None]:
    """The region on the reference's values, and after the candidate's own, against the reference.

    Of several values, the one that is off the most. Nothing where it cannot be run.
    """
    try:
        expected = mixture.values([], made)
        introduced = mixture.values(spans, made)
        accumulated = mixture.values([(0, max(end for _, end in spans))], made)
    except BackendError:
        return None, None
    return _worst(expected, introduced), _worst(expected, accumulated)


def _worst(expected: dict[int, object], found: dict[int, object]) -> Comparison | None:
    compared = [compare(expected[step], found[step]) for step in expected]
    return max(compared, key=lambda one: one.relative, default=None)
