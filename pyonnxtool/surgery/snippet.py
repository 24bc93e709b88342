"""A small model as a part that is put into another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyonnxtool.conversion import opset
from pyonnxtool.errors import ModelError, UsageError
from pyonnxtool.inspection import real_inputs
from pyonnxtool.op_schemas import plain_domain, same_meaning
from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.rewriting.operand import Facts, home_of
from pyonnxtool.surgery.selection import nothing_called
from pyonnxtool.surgery.type_text import dtype_text, sizes_of
from pyonnxtool.wording import typed

if TYPE_CHECKING:
    from pyonnxtool._core import Function, Graph, Model, Node, Value
    from pyonnxtool.surgery.type_text import Sizes


@dataclass
class Snippet:
    """A model with one output, as it is put into another model as often as is wanted.

    Of its inputs one is the value that it is put after; the others are values of the other model:
    those that `operands` says, or that are called the same.
    """

    model: Model
    operands: Mapping[str, str]
    facts: Facts
    """Of the other model."""
    _weights: dict[tuple[Graph, str], str] = field(default_factory=dict)
    """What weights of it are called in a graph that has them already."""

    def build(self, value: Value) -> Value:
        """What it makes of the value.

        An input of the other model becomes what the snippet takes. Raises UsageError where its
        inputs cannot be told, and ModelError where another value is not what it takes.
        """
        graph, own = value.graph, self.model.graph
        names = self._inputs(value)
        for name in names:
            self._fit(own.value(name), graph, names[name])
        for tensor in own.initializers:
            if (graph, tensor.name) not in self._weights:
                made = graph.constant(tensor, tensor.name)
                self._weights[graph, tensor.name] = made.name
            names[tensor.name] = self._weights[graph, tensor.name]
        for node in own.order():
            for name in node.output_names:
                if name:
                    names[name] = graph.fresh_name(name)
            self._part_bodies(node, graph)
            there = {one.name for one in graph.nodes}
            added = graph.adopt(node, names)
            if node.name and node.name in there:
                added.set_name(_beside(node.name, there))
        return graph.value(names[self.output])

    @property
    def output(self) -> str:
        """The name of what it makes."""
        return self.model.graph.outputs[0].name

    def _inputs(self, value: Value) -> dict[str, str]:
        """Names of its inputs to those of the values that they are."""
        graph, found, free = value.graph, dict(self.operands), []
        for name in [one.name for one in real_inputs(self.model.graph)]:
            if name not in found and (name == value.name or home_of(name, graph) is None):
                free.append(name)
            elif name not in found:
                found[name] = name
        for name in found.values():
            if home_of(name, graph) is None:
                raise nothing_called(name, [one.name for one in graph.values], "value")
        if not free:
            listed = ", ".join(repr(one) for one in found)
            raise UsageError(
                f"every input of the snippet is a value of the model ({listed}); give the one that "
                f"stands for {value.name!r} another name"
            )
        if len(free) > 1:
            listed = ", ".join(repr(one) for one in free)
            raise UsageError(
                f"the snippet has {len(free)} inputs that are no values of the model: {listed}; "
                "say what all but one are, with operands (--operand INPUT=VALUE)"
            )
        return found | {free[0]: value.name}

    def _fit(self, port: Value, graph: Graph, name: str) -> None:
        """A value is of the dtype and the sizes that an input of the snippet is declared with."""
        fact = self.facts.of(name, graph)
        dtype, sizes = dtype_text(fact), sizes_of(fact)
        if (dtype is None or port.dtype in (dtype, None)) and _same_sizes(sizes, port.shape):
            return
        value = graph.value(name)
        if value.is_input and graph.parent is None and graph == graph.model.graph:
            graph.declare(value, port.dtype, port.shape)
            self.facts.forget()
            return
        raise ModelError(
            f"{name!r} is {typed(dtype, sizes)}, and the snippet takes "
            f"{typed(port.dtype, port.shape)} as {port.name!r}"
        )

    def _part_bodies(self, node: Node, graph: Graph) -> None:
        """Values in bodies have no names that the other graph has."""
        for body in [one for top in node.subgraphs for one in graphs_under(top)]:
            for value in body.values:
                if not value.is_outer and graph.fresh_name(value.name) != value.name:
                    body.rename_value(value, self._free_name(value.name, graph, body))

    def _free_name(self, name: str, graph: Graph, body: Graph) -> str:
        made = graph.fresh_name(name)
        while body.fresh_name(made) != made:
            made = graph.fresh_name(f"{made}_in")
        return made


def _same_sizes(ours: Sizes, theirs: Sizes) -> bool:
    if ours is None or theirs is None:
        return True
    pairs = zip(ours, theirs, strict=False)
    return len(ours) == len(theirs) and not any(
        isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs
    )


def _beside(name: str, there: set[str]) -> str:
    number = 1
    while f"{name}_{number}" in there:
        number += 1
    return f"{name}_{number}"


def snippet_for(model: Model, given: Model, operands: Mapping[str, str]) -> Snippet:
    """The snippet at the model's opsets; its functions are added to the model.

    Raises UsageError for one that has several outputs or an operand that it does not have, and
    Refused where it cannot be brought to the model's opset.
    """
    if len(given.graph.outputs) != 1:
        raise UsageError(
            f"the snippet has {len(given.graph.outputs)} outputs; what reads the value can read "
            "one: pyonnxtool outputs SNIPPET --only NAME"
        )
    inputs = [one.name for one in real_inputs(given.graph)]
    for name in operands:
        if name not in inputs:
            raise nothing_called(name, inputs, "input of the snippet")
    part = _at_opset(given, model.opset_imports.get("", 0)).copy()
    for function in part.functions:
        _add_function(model, part, function)
    for domain, version in part.opset_imports.items():
        if plain_domain(domain) not in model.opset_imports and _uses(part, domain):
            model.set_opset_import(domain, version)
    return Snippet(part, operands, Facts(model))


def _at_opset(given: Model, version: int) -> Model:
    own = given.opset_imports.get("", version)
    changed = any(
        not plain_domain(node.domain) and not same_meaning("", node.op_type, own, version)
        for node in _all_nodes(given)
    )
    return opset(given, to=version).model if changed else given


def _add_function(model: Model, part: Model, function: Function) -> None:
    """Under another name where the model has a function of this one that is not the same."""
    key = (function.domain, function.name)
    there = {(one.domain, one.name): one for one in model.functions}
    if key in there and there[key].graph.text() == function.graph.text():
        return
    name, number = function.name, 1
    while (function.domain, name) in there:
        name, number = f"{function.name}_{number}", number + 1
    model.adopt_function(function, name)
    for node in _all_nodes(part):
        if (node.domain, node.op_type) == key:
            node.set_op_type(name, function.domain)


def _uses(model: Model, domain: str) -> bool:
    return any(node.domain == domain for node in _all_nodes(model))


def _all_nodes(model: Model) -> Iterator[Node]:
    for top in (model.graph, *(one.graph for one in model.functions)):
        for graph in graphs_under(top):
            yield from graph.nodes
