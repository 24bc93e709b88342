"""Names of two models that become one: inputs and outputs keep theirs, others give way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.errors import ModelError, UsageError
from pyonnxtool.inspection import real_inputs
from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.rewriting.tape import Names

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model


@dataclass(frozen=True)
class NewNames:
    """Of values that get another name: old to new."""

    first: Mapping[str, str]
    second: Mapping[str, str]


@dataclass(frozen=True)
class Border:
    """What goes in and out of one of the models, as far as it still does when they are one."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def border_of(model: Model, joined: Collection[str], outputs: Sequence[str]) -> Border:
    """Without the inputs that are joined, and with these outputs."""
    inputs = [value.name for value in real_inputs(model.graph) if value.name not in joined]
    return Border(tuple(inputs), tuple(outputs))


def names_apart(
    first: Model, second: Model, ours: Border, theirs: Border, joined: Collection[str]
) -> NewNames:
    """New names of values that both models have.

    What goes in and out keeps its name; values inside give way, those of the second model before
    those of the first. `joined` are inputs of the second that are values of the first from now on.
    Raises UsageError when both have an input or output of one name.
    """
    _refuse_two_ports(ours, theirs)
    _refuse_unknown(second)
    in_first, in_second = _mentioned(first), _mentioned(second)
    names = Names({*in_first, *in_second})
    fixed = {*theirs.inputs, *theirs.outputs}
    first_moves = {name: names.fresh(name) for name in sorted(in_first & fixed)}
    gone = set(joined) - set(theirs.outputs)
    taken = in_first - fixed - gone
    second_moves = {name: names.fresh(name) for name in sorted(_defined(second) & taken)}
    return NewNames(first_moves, second_moves)


def _refuse_two_ports(ours: Border, theirs: Border) -> None:
    for name in theirs.inputs:
        if name in ours.inputs:
            raise UsageError(
                f"both models have an input {name!r}: join {name}={name} to feed both with one, or "
                "give a prefix for the second model's names"
            )
    for ports, kind in ((ours.outputs, "output"), (ours.inputs, "input")):
        for name in [*theirs.inputs, *theirs.outputs]:
            if name in ports:
                other = "input" if name in theirs.inputs else "output"
                more = ", or drop the first's" if kind == "output" else ""
                raise UsageError(
                    f"the first model has an {kind} {name!r} and the second an {other} {name!r}: "
                    f"give a prefix for the second model's names{more}"
                )


def _refuse_unknown(second: Model) -> None:
    """What nothing makes would otherwise be found in the first model."""
    for value in second.graph.values:
        if value.is_outer and (value.is_output or value.consumers):
            raise ModelError(f"the second model reads {value.name!r}, which nothing in it makes")


def _mentioned(model: Model) -> set[str]:
    return {value.name for graph in graphs_under(model.graph) for value in graph.values}


def _defined(model: Model) -> set[str]:
    return {
        value.name
        for graph in graphs_under(model.graph)
        for value in graph.values
        if not value.is_outer
    }


def renamed(model: Model, moves: Mapping[str, str]) -> Model:
    """A copy in which values have these new names, which nothing has yet."""
    if not moves:
        return model
    made = model.copy()
    for graph in graphs_under(made.graph):
        here = [(old, new) for old, new in moves.items() if graph.defines(old)]
        if here:
            graph.rename_values(here)
    return made


def nodes_apart(first: Model, second: Model) -> Model:
    """The second model without names of nodes that the first has too."""
    taken = set(_node_names(graphs_under(first.graph)))
    both = taken.intersection(_node_names(graphs_under(second.graph)))
    if not both:
        return second
    made = second.copy()
    names = Names(taken.union(_node_names(graphs_under(made.graph))))
    for graph in graphs_under(made.graph):
        for node in graph.nodes:
            if node.name in both:
                node.set_name(names.fresh(node.name))
    return made


def _node_names(graphs: Iterable[Graph]) -> list[str]:
    return [node.name for graph in graphs for node in graph.nodes if node.name]
