"""A region that was found without watching, as a culprit: its nodes, and the likeliest of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.divergence.blame.surroundings import surroundings
from pyonnxtool.divergence.blame.why import differences, label, likeliest, neighbourhood
from pyonnxtool.divergence.compare import compare
from pyonnxtool.divergence.judge import Judge, metrics_of
from pyonnxtool.divergence.sweep import Measured, Swept
from pyonnxtool.errors import BackendError
from pyonnxtool.report import Culprit
from pyonnxtool.verdict import EPS, mismatched_non_finite

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.search.frontiers import Frontiers
    from pyonnxtool.divergence.search.mixture import Mixture, Span
    from pyonnxtool.divergence.search.outcomes import Trials

_SAME = (
    "every node is the same as its counterpart: run together, they compute something else, so a "
    "fusion or a kernel is to blame"
)
_SAME_NODE = "node and counterpart are the same: the backends compute them differently"


@dataclass(frozen=True)
class Named:
    """A region as a culprit; and whether it adds no more than rounding explains."""

    culprit: Culprit
    rounding: bool


def named_region(
    trials: Trials, mixture: Mixture, frontiers: Frontiers, spans: Sequence[Span]
) -> Named:
    """The candidate's nodes of these steps. They are run once more, on the reference's values."""
    case, pairs = trials.case, frontiers.pairs
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
    measured = _confirmed(mixture, frontiers, spans, made)
    worst = max(measured, key=_introduced, default=None)
    culprit = Culprit(
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
        introduced=metrics_of(worst.introduced if worst is not None else None),
        accumulated=metrics_of(worst.accumulated if worst is not None else None),
        why=why,
        region=tuple(map(label, theirs)) if len(theirs) > 1 else (),
        neighbourhood=neighbourhood(node),
        surroundings=surroundings(node, [one.id for one in theirs], lambda name: None),
    )
    return Named(culprit, _is_rounding(trials, measured, mixture, spans, frontiers, len(theirs)))


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
    mixture: Mixture, frontiers: Frontiers, spans: Sequence[Span], made: Sequence[int]
) -> list[Measured]:
    """The region on the reference's values, and after the candidate's own, against the reference.

    Nothing where it cannot be run.
    """
    try:
        expected = mixture.values([], made)
        introduced = mixture.values(spans, made)
        accumulated = mixture.values([(0, max(end for _, end in spans))], made)
    except BackendError:
        return []
    return [
        Measured(
            frontiers.pairs[step],
            compare(expected[step], accumulated[step]),
            compare(expected[step], introduced[step]),
        )
        for step in made
    ]


def _is_rounding(
    trials: Trials,
    measured: Sequence[Measured],
    mixture: Mixture,
    spans: Sequence[Span],
    frontiers: Frontiers,
    nodes: int,
) -> bool:
    """Whether every value is off by less than so many nodes may round."""
    if not measured:
        return False
    read = sorted({step for span in spans for step in mixture.read_by(span)})
    fed = mixture.values([], read)
    sources = [Measured(frontiers.pairs[step], compare(fed[step], fed[step])) for step in read]
    judge = Judge(
        trials.case,
        trials.tolerances,
        Swept({one.pair.candidate: one for one in (*sources, *measured)}),
    )
    return all(_within(one, nodes * judge.bound(one)) for one in measured)


def _within(measured: Measured, bound: float) -> bool:
    found = measured.introduced
    if found is None or found.stats is None or mismatched_non_finite(found.stats):
        return False
    if found.dtype in ("int8", "uint8"):  # rounded to the other side of a quantization step
        bound = 1.0
    elif found.dtype not in EPS:
        return found.identical
    return found.stats.max_abs <= bound


def _introduced(measured: Measured) -> float:
    return measured.introduced.relative if measured.introduced is not None else 0.0
