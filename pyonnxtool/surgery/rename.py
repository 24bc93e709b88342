"""rename: values, inputs, outputs and nodes get other names, by patterns or all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.proof import check_of
from pyonnxtool.rewriting import Rewrite, StandsFor
from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.rewriting.tape import Names
from pyonnxtool.surgery.edit_report import EditReport, edited
from pyonnxtool.surgery.new_names import renamed
from pyonnxtool.surgery.plain_names import all_plain

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Graph, Value
    from pyonnxtool.proof import Proof

Patterns = Mapping[str, str]
_NONE: Patterns = {}
_KINDS = ("inputs", "outputs", "weights", "values", "values of bodies", "values of functions")


@dataclass(frozen=True)
class _Wish:
    """What the names of values, or of nodes, go through: patterns, the prefix, plain characters."""

    patterns: Mapping[str, str]
    """New names by old ones, as patterns gave them."""
    prefix: str
    plain: bool
    instead: str
    """How a name begins of which no character is plain."""

    def of(self, names: list[str], fixed: Mapping[str, str]) -> dict[str, str]:
        """Every name to its new one. Those of `fixed` are what it says."""
        free = [name for name in names if name not in fixed]
        ours = {name: self.prefix + self.patterns.get(name, name) for name in free}
        if self.plain:
            made = all_plain(ours.values(), fixed.values(), self.instead)
            ours = {name: made[wanted] for name, wanted in ours.items()}
        return ours | {name: fixed[name] for name in names if name in fixed}


def rename(
    given: ModelLike,
    names: Patterns = _NONE,
    *,
    input_names: Patterns = _NONE,
    output_names: Patterns = _NONE,
    node_names: Patterns = _NONE,
    regex: bool = False,
    prefix: str = "",
    plain: bool = False,
    name_nodes: bool = False,
    keep_io: bool = False,
    **proof: Unpack[Proof],
) -> Rewrite[EditReport]:
    """The model with other names; the one that is given stays as it is.

    `names` is old name to new name of values: of the main graph, of bodies and of functions; of
    inputs, outputs and weights too. An old name may be a glob, whose wildcards are carried over to
    those of the new name ({"encoder.*": "enc_*"}), or with `regex` a regular expression, of which
    what it finds is replaced ({"^encoder[.]": "enc_"}). `input_names`, `output_names` and
    `node_names` are the same for inputs, outputs and nodes alone.

    `prefix` goes before every name of values and nodes. `plain` makes all of them letters, digits
    and underscores; names that would be equal get a number. `name_nodes` names nodes that have no
    name, `Conv_3`. With `keep_io` inputs and outputs keep their names unless `input_names` and
    `output_names` say otherwise.

    Raises UsageError for a pattern that names nothing and for a name that two would have, or as
    `edit_report.edited` does.
    """
    check = check_of(**proof)
    asked = (names, input_names, output_names, node_names)
    if not (any(asked) or prefix or plain or name_nodes):
        raise UsageError("say what to rename, such as encoder.*=enc_*")
    model = as_model(given)
    made = model.copy()
    fixed = {value.name: value.name for value in _ports(made.graph)} if keep_io else {}
    fixed |= _border(made.graph, input_names, output_names, regex=regex)
    roots = [made.graph, *(function.graph for function in made.functions)]
    scopes = [list(graphs_under(root)) for root in roots]
    found = _all(names, map(_defined, scopes), "value", regex=regex)
    called = _all(node_names, map(_named, scopes), "node", regex=regex)
    wish = _Wish(found, prefix, plain, "value")
    wish_of_nodes = _Wish(called, prefix, plain, "node")
    changes: Counter[str] = Counter()
    told: list[StandsFor] = []
    for scope in scopes:
        main = scope[0] == made.graph
        moves = wish.of(_defined(scope), fixed if main else {})
        told += _told(scope[0], moves) if main else []
        changes.update(_counted(scope[0], moves, main=main))
        _rename_values(scope, moves)
        changes["nodes"] += _rename_nodes(scope, wish_of_nodes.of(_named(scope), {}))
        changes["nodes"] += _tell_apart(scope) if plain else 0
        changes["nodes that had no name"] += _name_nodes(scope) if name_nodes or plain else 0
    done = {f"{what} renamed": count for what, count in changes.items()}
    return edited("rename", model, made, done, check=check, value_map=told)


def _ports(graph: Graph) -> list[Value]:
    return [*graph.inputs, *graph.outputs]


def _border(graph: Graph, inputs: Patterns, outputs: Patterns, *, regex: bool) -> dict[str, str]:
    """New names of inputs and outputs that were asked for as such."""
    ours = renamed(inputs, [value.name for value in graph.inputs], "input", regex=regex)
    theirs = renamed(outputs, [value.name for value in graph.outputs], "output", regex=regex)
    for name in ours.keys() & theirs.keys():
        if ours[name] != theirs[name]:
            raise UsageError(
                f"{name!r} is an input and an output, so it cannot be called both {ours[name]!r} "
                f"and {theirs[name]!r}"
            )
    return {**ours, **theirs}


def _defined(scope: list[Graph]) -> list[str]:
    """Names of values that the graphs define, each once."""
    return list(
        dict.fromkeys(value.name for graph in scope for value in graph.values if not value.is_outer)
    )


def _named(scope: list[Graph]) -> list[str]:
    return list(dict.fromkeys(node.name for graph in scope for node in graph.nodes if node.name))


def _all(asked: Patterns, names: Iterable[list[str]], what: str, *, regex: bool) -> dict[str, str]:
    return renamed(asked, [name for scope in names for name in scope], what, regex=regex)


def _told(graph: Graph, moves: Mapping[str, str]) -> Iterator[StandsFor]:
    return (StandsFor(new, old) for old, new in moves.items() if old != new and graph.defines(old))


def _counted(graph: Graph, moves: Mapping[str, str], *, main: bool) -> dict[str, int]:
    """How many of each kind; an output that is an input too is an input."""
    found = Counter(
        _kind(graph, old) if main else "values of functions"
        for old, new in moves.items()
        if old != new
    )
    return {kind: found[kind] for kind in _KINDS}


def _kind(graph: Graph, name: str) -> str:
    if not graph.defines(name):
        return "values of bodies"
    value = graph.value(name)
    if value.is_input or value.is_output:
        return "inputs" if value.is_input else "outputs"
    return "values" if value.initializer is None else "weights"


def _rename_values(scope: list[Graph], new: Mapping[str, str]) -> None:
    """First those whose names others get, out of the way; then all to where they go."""
    mentioned = {value.name for graph in scope for value in graph.values}
    moves = _moves(new, mentioned, "value")
    coming = set(moves.values())
    names = Names(mentioned | coming)
    aside = {old: names.fresh(f"{old}_moving") for old in moves if old in coming}
    _move(scope, aside)
    _move(scope, {aside.get(old, old): one for old, one in moves.items()})


def _move(scope: list[Graph], moves: Mapping[str, str]) -> None:
    for graph in scope:
        here = [(old, one) for old, one in moves.items() if graph.defines(old)]
        if here:
            graph.rename_values(here)


def _moves(new: Mapping[str, str], used: Iterable[str], what: str) -> dict[str, str]:
    """Those that change. Raises UsageError when two names would be one."""
    moves = {old: one for old, one in new.items() if old != one}
    owner = {name: name for name in used if name not in moves}
    for old, one in moves.items():
        other = owner.setdefault(one, old)
        if other == one:
            raise UsageError(
                f"{what} {old!r} cannot be called {one!r}: another {what} has that name; rename "
                "that one too, or choose another"
            )
        if other != old:
            raise UsageError(f"{what}s {other!r} and {old!r} would both be called {one!r}")
    return moves


def _rename_nodes(scope: list[Graph], new: Mapping[str, str]) -> int:
    moves = _moves(new, new, "node")
    done = 0
    for graph in scope:
        for node in graph.nodes:
            if node.name in moves:
                node.set_name(moves[node.name])
                done += 1
    return done


def _tell_apart(scope: list[Graph]) -> int:
    """All but the first of the nodes that share a name get a number: runtimes refuse two alike."""
    names, seen = Names(_named(scope)), set[str]()
    done = 0
    for node in (node for graph in scope for node in graph.nodes if node.name):
        if node.name in seen:
            node.set_name(names.fresh(node.name))
            done += 1
        seen.add(node.name)
    return done


def _name_nodes(scope: list[Graph]) -> int:
    """`Conv_0` for a Conv without a name."""
    names = Names(_named(scope))
    count: Counter[str] = Counter()
    done = 0
    for graph in scope:
        for node in graph.nodes:
            if not node.name:
                node.set_name(names.fresh(f"{node.op_type}_{count[node.op_type]}"))
                count[node.op_type] += 1
                done += 1
    return done
