"""Nodes that a user names, anywhere in a model, and which of their inputs is meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pyonnxtool.errors import ModelError
from pyonnxtool.op_schemas import schema_at
from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.rewriting.operand import home_of
from pyonnxtool.surgery.selection import selected

if TYPE_CHECKING:
    from onnx.defs import OpSchema

    from pyonnxtool._core import Graph, Model, Node, Value

OP = "op:"
"""Begins the name of an operator, where names of nodes are expected."""


def called(node: Node) -> str:
    """The name of a node, or what it makes."""
    return node.name or next((name for name in node.output_names if name), "")


def operator(node: Node) -> str:
    """`Relu`, or `vendor::Thing`."""
    plain = node.domain in ("", "ai.onnx")
    return node.op_type if plain else f"{node.domain}::{node.op_type}"


def graphs_in(model: Model) -> Iterator[Graph]:
    """The main graph, functions, and the bodies in them; outer ones first."""
    yield from graphs_under(model.graph)
    for function in model.functions:
        yield from graphs_under(function.graph)


def picked(model: Model, patterns: Sequence[str]) -> list[Node]:
    """Nodes of these names, globs or operators ("op:Cast"), in the order of the graph.

    A name may also be that of a value, where no node is called so: of what makes it. Nodes are
    looked for in bodies and functions too; what is inside of a node comes after it. Raises
    UsageError for a pattern that means nothing.
    """
    nodes = [node for graph in graphs_in(model) for node in graph.nodes]
    operators = [one.removeprefix(OP) for one in patterns if one.startswith(OP)]
    there = set(map(called, nodes))
    made = {name for node in nodes for name in node.output_names if name} - there
    values = made.intersection(patterns)
    named = [one for one in patterns if not one.startswith(OP) and one not in values]
    names = set(selected(named, map(called, nodes), "node"))
    types = set(selected(operators, map(operator, nodes), "operator"))
    return [
        node
        for node in nodes
        if called(node) in names
        or operator(node) in types
        or not values.isdisjoint(node.output_names)
    ]


def input_place(node: Node, asked: int | str | None) -> int:
    """The number of an input: `asked`, or that of this name in the operator's schema.

    Without a wish: the only one that is no constant, or of those the only one that has the type of
    the first output by the schema. Raises ModelError where that does not tell.
    """
    if asked is None:
        return _varying(node)
    if isinstance(asked, str) and not asked.isdecimal():
        asked = _place_of(node, asked)
    place, inputs = int(asked), node.inputs
    if not 0 <= place < len(inputs) or inputs[place] is None:
        raise ModelError(f"{node.label} has no input {place}")
    return place


def _place_of(node: Node, name: str) -> int:
    schema = _schema(node)
    names = [param.name for param in schema.inputs] if schema is not None else []
    if name not in names:
        told = f"its inputs are called {', '.join(names)}" if names else "give its number"
        raise ModelError(f"{node.label} has no input {name!r}; {told}")
    return names.index(name)


def _varying(node: Node) -> int:
    inputs = node.inputs
    given = [i for i, one in enumerate(inputs) if one is not None]
    if node.op_type == "If" and not node.domain:
        raise ModelError(
            f"{node.label} has no input but its condition, and that is no result of it"
        )
    varying = [i for i in given if not is_constant(inputs[i])] or given
    if len(varying) == 1:
        return varying[0]
    if not varying:
        raise ModelError(f"{node.label} reads nothing")
    schema = _schema(node)
    if schema is not None and schema.outputs and schema.inputs:
        names, wanted = [one.type_str for one in schema.inputs], schema.outputs[0].type_str
        places = [i for i in varying if names[min(i, len(names) - 1)] == wanted]
        if len(places) == 1:
            return places[0]
    listed = ", ".join(f"{inputs[i].name!r} ({i})" for i in varying)  # type: ignore[union-attr]
    raise ModelError(f"{node.label} has several inputs: {listed}; say which, by its number")


def is_constant(value: Value | None) -> bool:
    """Whether it is a weight, or what a Constant makes, of its graph or of one around it."""
    home = home_of(value.name, value.graph) if value is not None else None
    if value is None or home is None:
        return False
    there = home.value(value.name)
    maker = there.producer
    return there.initializer is not None or (maker is not None and maker.op_type == "Constant")


def _schema(node: Node) -> OpSchema | None:
    return schema_at(node.op_type, node.graph.model.opset_imports.get(node.domain, 0), node.domain)
