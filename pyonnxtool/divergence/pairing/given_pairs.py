"""Pairs of values that the user vouches for: `--map REF=CAND`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from pyonnxtool.errors import UsageError

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model

ValueMap: TypeAlias = "Mapping[str, str] | Sequence[str | tuple[str, str]]"
"""Names of the reference's values to those of the candidate's, or "REF=CAND" texts."""


def given_pairs(given: ValueMap, reference: Model, candidate: Model) -> list[tuple[str, str]]:
    """(reference name, candidate name) of each. An "=" may be part of a name.

    Raises UsageError for a text that is no pair, and for a value that the model does not have, with
    the names that come closest.
    """
    items = given.items() if isinstance(given, Mapping) else given
    return [
        _known(
            item if isinstance(item, tuple) else _cut(item, reference, candidate),
            reference,
            candidate,
        )
        for item in items
    ]


def _cut(text: str, reference: Model, candidate: Model) -> tuple[str, str]:
    cuts = [(text[:at], text[at + 1 :]) for at, char in enumerate(text) if char == "="]
    if not cuts:
        raise UsageError(
            f"--map {text}: write REF=CAND, a value of the reference and the value of the "
            "candidate that stands for it, such as --map /conv1/Conv_output_0=conv1"
        )
    known = [cut for cut in cuts if _has(reference.graph, cut[0]) and _has(candidate.graph, cut[1])]
    return (known or cuts)[0]


def _known(pair: tuple[str, str], reference: Model, candidate: Model) -> tuple[str, str]:
    sides = (("reference", reference.graph, pair[0]), ("candidate", candidate.graph, pair[1]))
    for which, graph, name in sides:
        if _has(graph, name):
            continue
        names = list(_names(graph))
        close = difflib.get_close_matches(name, names, n=3)
        close = close or [other for other in names if name.lower() in other.lower()][:3]
        hint = f"; did you mean {', '.join(map(repr, close))}?" if close else ""
        raise UsageError(f"--map {'='.join(pair)}: the {which} has no value {name!r}{hint}")
    return pair


def _has(graph: Graph, name: str) -> bool:
    return name in set(_names(graph))


def _names(graph: Graph) -> Iterator[str]:
    """What is computed or fed; weights are paired through the nodes that read them."""
    for value in graph.inputs:
        yield value.name
    for node in graph.nodes:
        yield from filter(None, node.output_names)
