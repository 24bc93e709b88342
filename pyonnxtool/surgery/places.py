"""Where the values are that a user names: in the graph, in functions that it calls, in bodies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.errors import UsageError
from pyonnxtool.op_schemas import same_meaning
from pyonnxtool.rewriting import Refusal, refused
from pyonnxtool.surgery.selection import selected

if TYPE_CHECKING:
    from pyonnxtool._core import Function, Graph, Model, Node

_Key = tuple[str, str, str]
_MOST_NAMED = 3


def made_in(graph: Graph) -> list[str]:
    """What nodes of the graph make, in the order of the file."""
    return [name for node in graph.nodes for name in node.output_names if name]


def named(
    what: str, model: Model, patterns: Sequence[str], names: Sequence[str], kind: str = "value"
) -> list[str]:
    """Names that the patterns stand for, in the order of the patterns; each once.

    A glob takes what is in `names`; an exact name may also be that of a weight. `what` and `kind`
    are for messages.

    Raises UsageError for a pattern that names nothing, and Refused for a value inside a body.
    """
    known, there = set(names), weights_of(model.graph)
    found: dict[str, None] = {}
    for pattern in patterns:
        if pattern in there and pattern not in known:
            found[pattern] = None
        elif pattern in known or any(fnmatchcase(name, pattern) for name in names):
            found |= dict.fromkeys(selected([pattern], names, kind))
        else:
            _explain(what, model, pattern)
            found |= dict.fromkeys(selected([pattern], names, kind))
    return list(found)


def weights_of(graph: Graph) -> set[str]:
    """Names of its initializers, sparse ones too."""
    ports = {value.name for value in graph.inputs}
    sparse = {
        value.name
        for value in graph.values
        if value.producer is None and not value.is_outer and value.name not in ports
    }
    return sparse | {tensor.name for tensor in graph.initializers}


def opened_for(what: str, model: Model, patterns: Sequence[str]) -> tuple[Model, int]:
    """The model, with functions opened where a pattern names a value in one: "<call>/<its name>".

    Also how many functions were opened. Others stay as they are. `what` is for messages. Raises as
    `named` does for a pattern that names nothing in functions either.
    """
    if not model.functions:
        return model, 0
    inside = [pattern for pattern in patterns if not _fits(pattern, model.graph)]
    if not inside:
        return model, 0
    opened, _ = _core.inline_functions(model, same_meaning)
    for pattern in inside:
        if not _fits(pattern, opened.graph):
            _explain(what, model, pattern)
        named(what, opened, [pattern], made_in(opened.graph))
    origins = {
        node.metadata.get(_core.CALLED_FROM, "").partition(" (called by ")[0]
        for node in opened.graph.nodes
        for name in node.output_names
        if name and any(name == one or fnmatchcase(name, one) for one in inside)
    }
    wanted = _with_callers(model, {key for key in map(_key, model.functions) if key[1] in origins})
    if not wanted:
        return model, 0
    made, _ = _core.inline_functions(model, same_meaning, sorted(wanted))
    return made, len(wanted)


def _fits(pattern: str, graph: Graph) -> bool:
    there = {value.name for value in graph.values}
    return pattern in there or any(fnmatchcase(name, pattern) for name in there)


def _with_callers(model: Model, wanted: set[_Key]) -> set[_Key]:
    """Those functions, and all that call one of them: a call inside a closed one is not seen."""
    calls = {_key(one): {_called(node) for node in _nodes(one.graph)} for one in model.functions}
    while True:
        more = {key for key, called in calls.items() if called & wanted} - wanted
        if not more:
            return wanted
        wanted |= more


def _key(function: Function) -> _Key:
    return function.domain, function.name, function.overload


def _called(node: Node) -> _Key:
    return node.domain, node.op_type, node.overload


def _nodes(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        yield node
        for body in node.subgraphs:
            yield from _nodes(body)


def _explain(what: str, model: Model, pattern: str) -> None:
    """Raise what tells more than that there is no such value, if anything does."""
    if any(value.name == pattern for value in model.graph.inputs):
        raise UsageError(f"{pattern!r} is an input of the model; name something that a node makes")
    for node in model.graph.nodes:
        if any(pattern in inner.output_names for body in node.subgraphs for inner in _nodes(body)):
            reason = (
                f"{pattern!r} is made inside it, once each time that the body runs, and is no "
                "value of the graph around; name one that the node reads or makes, or open the "
                "node first with `pyonnxtool specialize`"
            )
            raise refused(what, [Refusal(node.name or pattern, node.op_type, reason)])
    for node in model.graph.nodes:
        if node.name and node.name == pattern:
            made = [name for name in node.output_names if name][:_MOST_NAMED]
            raise UsageError(
                f"{pattern!r} is a node ({node.op_type}), and values are asked for; it makes: "
                f"{', '.join(made)}"
            )
