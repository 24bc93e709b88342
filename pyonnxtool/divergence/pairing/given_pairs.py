"""Pairs of values that the user vouches for: `--map REF=CAND`, or the report of a rewrite."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pyonnxtool.divergence.pairing.forms import Form
from pyonnxtool.divergence.pairing.reported_map import is_report, told_by
from pyonnxtool.divergence.views import Rearranged
from pyonnxtool.errors import UsageError
from pyonnxtool.rewriting import RewriteReport, StandsFor

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model

ValueMap: TypeAlias = (
    "Mapping[str, str] | RewriteReport | Sequence[str | tuple[str, str] | StandsFor]"
)
"""Names of the reference's values to those of the candidate's, or "REF=CAND" texts; or what a
rewrite says of the values that it made, as its report, or the file that holds that as JSON."""


_NEARLY_ALL = 0.9
_MOVING = frozenset(
    {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Constant", "Gather"}
)


@dataclass(frozen=True)
class GivenPair:
    """Two values that belong together."""

    reference: str
    candidate: str
    form: Form | None = None
    """How the candidate's holds the reference's numbers; None where nobody said."""
    guessed: bool = False
    """Nobody told: values have to agree in some form."""


def given_pairs(given: ValueMap, reference: Model, candidate: Model) -> list[GivenPair]:
    """All pairs that are given, each once. An "=" may be part of a name.

    What a rewrite tells of values that are not in the main graphs is left out. Raises UsageError
    for a text that is no pair, and for a value that the model does not have, with the names that
    come closest.
    """
    if isinstance(given, RewriteReport):
        given = given.value_map
    items = list(given.items() if isinstance(given, Mapping) else given)
    told = [item for item in items if isinstance(item, StandsFor)]
    pairs = []
    for item in items:
        if isinstance(item, str) and is_report(item):
            told += told_by(item, reference, candidate)
        elif not isinstance(item, StandsFor):
            pair = item if isinstance(item, tuple) else _cut(item, reference, candidate)
            pairs.append(GivenPair(*_known(pair, reference, candidate)))
    found = [*pairs, *(_rewritten(told, reference, candidate) if told else ())]
    return list({(one.reference, one.candidate): one for one in reversed(found)}.values())[::-1]


def _rewritten(told: Sequence[StandsFor], reference: Model, candidate: Model) -> list[GivenPair]:
    """What a rewrite tells, and values that kept their names while another operator makes them.

    Where the operator is the same, the models themselves tell that they are the same. Of several
    old values that a new one stands for, the one of its name is taken, else the last.
    """
    known = {name for one in told for name in (one.value, one.old_value)}
    ours, theirs = _makers(reference.graph), _makers(candidate.graph)
    kept = [
        StandsFor(name, name)
        for name, maker in theirs.items()
        if name in ours and ours[name] != maker and name not in known
    ]
    here, there = set(_names(reference.graph)), set(_names(candidate.graph))
    chosen: dict[str, StandsFor] = {}
    for one in (*told, *kept):
        before = chosen.get(one.value)
        named_so = before is not None and before.old_value == one.value
        if one.old_value in here and one.value in there and not named_so:
            chosen[one.value] = one
    return [GivenPair(one.old_value, one.value, Form(view_of(one))) for one in chosen.values()]


def kept_names(reference: Model, candidate: Model) -> list[GivenPair]:
    """Values that kept their names while Transposes around them came or went.

    Behind those, structure and places tell little. Nothing where names agree for other reasons:
    nearly all nodes that compute have to make the same value by the same operator.
    """
    ours, theirs = _makers(reference.graph), _makers(candidate.graph)
    turned = [sum(op == "Transpose" for op in made.values()) for made in (ours, theirs)]
    if turned[0] == turned[1]:
        return []
    both = [name for name, op in theirs.items() if op not in _MOVING and ours.get(name) == op]
    most = max(sum(op not in _MOVING for op in made.values()) for made in (ours, theirs))
    if len(both) < _NEARLY_ALL * most:
        return []
    return [GivenPair(name, name, guessed=True) for name in both]


def _makers(graph: Graph) -> dict[str, str]:
    return {name: node.op_type for node in graph.nodes for name in node.output_names if name}


def view_of(one: StandsFor) -> Rearranged | None:
    """The form in which the new value holds the old one's numbers."""
    moves = one.inner or (one.perm is not None and list(one.perm) != sorted(one.perm))
    return Rearranged(tuple(one.perm or ()), inner=one.inner) if moves else None


def _cut(text: str, reference: Model, candidate: Model) -> tuple[str, str]:
    cuts = [(text[:at], text[at + 1 :]) for at, char in enumerate(text) if char == "="]
    if not cuts:
        raise UsageError(
            f"--map {text}: write REF=CAND, a value of the reference and the value of the "
            "candidate that stands for it, such as --map /conv1/Conv_output_0=conv1, or name the "
            "JSON report of the rewrite that made the candidate"
        )
    ours, theirs = set(_names(reference.graph)), set(_names(candidate.graph))
    known = [cut for cut in cuts if cut[0] in ours and cut[1] in theirs]
    return (known or cuts)[0]


def _known(pair: tuple[str, str], reference: Model, candidate: Model) -> tuple[str, str]:
    sides = (("reference", reference.graph, pair[0]), ("candidate", candidate.graph, pair[1]))
    for which, graph, name in sides:
        names = list(_names(graph))
        if name in names:
            continue
        close = difflib.get_close_matches(name, names, n=3)
        close = close or [other for other in names if name.lower() in other.lower()][:3]
        hint = f"; did you mean {', '.join(map(repr, close))}?" if close else ""
        raise UsageError(f"--map {'='.join(pair)}: the {which} has no value {name!r}{hint}")
    return pair


def _names(graph: Graph) -> Iterator[str]:
    """What is computed or fed; weights are paired through the nodes that read them."""
    for value in graph.inputs:
        yield value.name
    for node in graph.nodes:
        yield from filter(None, node.output_names)
