"""Puts what a rule decided into the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onnx import GraphProto, ModelProto, helper, numpy_helper

from pyonnxtool import _core
from pyonnxtool.rewriting.decision import Edit
from pyonnxtool.rewriting.tape import ANY_CONSTANT

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Node
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_LARGE = 1 << 20
"""Bytes of a constant that is worth the trouble of not copying it."""


def edit(node: Node, change: Edit, tape: Tape) -> list[Node]:
    """Change the node where it stands; returns the nodes of the tape, which its inputs need."""
    added = _put(node.graph, tape, {}, node)
    has = node.attributes
    for name in change.drop:
        if name in has:
            node.remove_attribute(name)
    for name, value in change.attributes.items():
        node.set_attribute(name, value)
    if change.inputs is not None:
        node.set_inputs(_trimmed(change.inputs))
    if change.op_type is not None:
        node.set_op_type(change.op_type, node.domain)
    return added


def idle(node: Node, change: Edit) -> bool:
    """Whether the edit leaves the node as it is."""
    has = node.attributes
    if change.attributes or change.op_type is not None or any(name in has for name in change.drop):
        return False
    return change.inputs is None or _trimmed(change.inputs) == list(node.input_names)


def _trimmed(inputs: Sequence[str]) -> list[str]:
    given = [str(one) for one in inputs]
    while given and not given[-1]:
        given.pop()
    return given


def replace(
    view: NodeView, outputs: Sequence[str], tape: Tape
) -> tuple[list[Node], list[tuple[str, str]]]:
    """Put the tape's nodes in place of the node; what it made keeps its names.

    `outputs` are values of the tape, or older ones that its readers read instead. Returns the new
    nodes, and (value, old value) of those that an older value stands for.
    """
    place = view.node
    place.set_outputs([])
    added, passed = stand_in(view.graph, view.outputs, outputs, tape, place)
    view.graph.remove_node(place)
    return added, passed


def stand_in(
    graph: Graph, olds: Sequence[str], outputs: Sequence[str], tape: Tape, before: Node
) -> tuple[list[Node], list[tuple[str, str]]]:
    """Put the tape's nodes before a node; `outputs` are what takes the place of the old values.

    Pre: no node makes the old values any more. Returns what `replace` does.
    """
    made = {name for node in tape.nodes for name in node.output if name}
    names: dict[str, str] = {}
    passed: list[tuple[str, str]] = []
    for kept, new in zip(map(str, olds), outputs, strict=False):
        if not kept or not new:
            continue
        if new in made and new not in names:
            names[new] = kept
        elif new not in made and not graph.value(kept).is_output:
            passed.append((str(new), kept))
        else:
            names[tape.op("Identity", new)] = kept
    added = _put(graph, tape, names, before)
    for new, old in passed:
        graph.replace_uses(old, new)
    for name in tape.retyped:
        graph.declare(name, None)
    return added, passed


def _put(graph: Graph, tape: Tape, names: dict[str, str], before: Node) -> list[Node]:
    put_constants(graph, tape, before)
    source = _parsed(tape)
    return [graph.adopt(node, names, before) for node in source.graph.nodes] if source else []


def put_constants(graph: Graph, tape: Tape, before: Node) -> None:
    """Constants of the tape: initializers of a main graph, nodes in a body and in a function.

    Functions have no initializers. Models of old IR versions can have none in bodies, and the
    Constant of old opsets is of floats: then they are the main graph's, which bodies can read. So
    they are at the first opset that has another one, as what a rule writes for its own opset goes
    down with it.
    """
    if not tape.constants:
        return
    while graph.parent is not None and tape.opset <= ANY_CONSTANT:
        graph = graph.parent
    if graph == graph.model.graph:
        small = [one for one in tape.constants if len(one.raw_data) < _LARGE]
        source = _core.from_bytes(_model(GraphProto(initializer=small)))
        for tensor in source.graph.initializers:
            graph.set_initializer(tensor)
        for one in tape.constants:
            if len(one.raw_data) >= _LARGE:  # not copied once more to be read
                graph.set_initializer(_core.Tensor(numpy_helper.to_array(one)), one.name)
        return
    nodes = [helper.make_node("Constant", [], [one.name], value=one) for one in tape.constants]
    for node in _core.from_bytes(_model(GraphProto(node=nodes))).graph.nodes:
        graph.adopt(node, {}, before)


def _parsed(tape: Tape) -> Model | None:
    return _core.from_bytes(_model(GraphProto(node=tape.nodes))) if tape.nodes else None


def _model(graph: GraphProto) -> bytes:
    return bytes(ModelProto(ir_version=10, graph=graph).SerializeToString())
