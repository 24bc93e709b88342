"""What onnx-graphsurgeon loses of a model, kept aside and put back where nothing has changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import onnx_graphsurgeon as gs
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
)
from onnx_graphsurgeon.exporters.onnx_exporter import OnnxExporter

if TYPE_CHECKING:
    from pyonnxtool.surgery._gs_weights import Weights

_OF_THE_MODEL = ("doc_string", "domain", "model_version")
_LISTS = {
    AttributeProto.FLOATS: "floats",
    AttributeProto.INTS: "ints",
    AttributeProto.STRINGS: "strings",
}
_KNOWN = {AttributeProto.FLOAT, AttributeProto.INT, AttributeProto.STRING, *_LISTS} | {
    *(AttributeProto.TENSOR, AttributeProto.GRAPH),
}
_DEFAULTS_ARE_INPUTS = 4
"""The first IR version in which an initializer need not be an input."""


class Keepsakes:
    """A model as it was before graphsurgeon had it, found again by the objects that it made."""

    def __init__(self, proto: ModelProto) -> None:
        """Takes from `proto` what graphsurgeon cannot read or write."""
        self._old = ModelProto()
        self._old.CopyFrom(proto)
        self._nodes: dict[int, tuple[gs.Node, NodeProto]] = {}
        self._graphs: dict[int, tuple[gs.Graph, GraphProto]] = {}
        self._functions: dict[int, tuple[gs.Function, FunctionProto, bytes]] = {}
        _simplify_graph(proto.graph)
        for function in proto.functions:
            _simplify_nodes(function.node)

    def remember(self, graph: gs.Graph) -> None:
        """The graph that was made of the model, before anyone changes it."""
        self._remember_graph(graph, self._old.graph)
        for function, proto in zip(graph.functions, self._old.functions, strict=True):
            self._remember_nodes(function.nodes, proto.node)

    def remember_functions(self, graph: gs.Graph, weights: Weights) -> None:
        """How functions are written when nothing has changed."""
        with weights.set_aside(graph):
            for function, proto in zip(graph.functions, self._old.functions, strict=True):
                written = OnnxExporter.export_function(function).SerializeToString()
                self._functions[id(function)] = (function, proto, written)

    def _remember_graph(self, graph: gs.Graph, proto: GraphProto) -> None:
        self._graphs[id(graph)] = (graph, proto)
        self._remember_nodes(graph.nodes, proto.node)

    def _remember_nodes(self, nodes: Iterable[gs.Node], protos: Iterable[NodeProto]) -> None:
        for node, proto in zip(nodes, protos, strict=True):
            self._nodes[id(node)] = (node, proto)
            for name, body in _bodies(proto):
                self._remember_graph(node.attrs[name], body)

    def put_back(self, made: ModelProto, graph: gs.Graph) -> None:
        """Into what graphsurgeon wrote of the graph, as a script has left it."""
        for name in _OF_THE_MODEL:
            if self._old.HasField(name):
                setattr(made, name, getattr(self._old, name))
        made.metadata_props.extend(self._old.metadata_props)
        made.training_info.extend(self._old.training_info)
        self._graph(graph, made.graph, [])
        _inputs_with_defaults(made, self._graphs.get(id(graph), (None, GraphProto()))[1])
        for function, proto in zip(graph.functions, made.functions, strict=True):
            self._function(function, proto)

    def _function(self, function: gs.Function, proto: FunctionProto) -> None:
        _, old, written = self._functions.get(id(function), (None, None, b""))
        if old is not None and proto.SerializeToString() == written:
            proto.CopyFrom(old)
            return
        constants = len(proto.node) - len(function.nodes)
        for node, made in zip(function.nodes, proto.node[constants:], strict=True):
            self._node(node, made, [])

    def _graph(self, graph: gs.Graph, made: GraphProto, around: Sequence[_Around]) -> None:
        _, old = self._graphs.get(id(graph), (None, None))
        here = _Around(made, {one.name for one in old.initializer} if old else set())
        for node, proto in zip(graph.nodes, made.node, strict=True):
            self._node(node, proto, [*around, here])
        _hand_out(here, around)
        _add_constant_outputs(graph, made)
        if old is None:
            return
        _reorder(made, [one.name for one in old.initializer])
        made.metadata_props.extend(old.metadata_props)
        _declare(made, old)
        there = {one.name for one in (*made.input, *made.initializer)}
        there |= {name for node in made.node for name in node.output}
        made.quantization_annotation.extend(
            one for one in old.quantization_annotation if one.tensor_name in there
        )

    def _node(self, node: gs.Node, made: NodeProto, around: Sequence[_Around]) -> None:
        bodies = {name: value for name, value in node.attrs.items() if isinstance(value, gs.Graph)}
        for attribute in made.attribute:
            if attribute.name in bodies:
                self._graph(bodies[attribute.name], attribute.g, around)
        _, old = self._nodes.get(id(node), (None, None))
        if old is None or (old.op_type, old.domain) != (made.op_type, made.domain):
            return
        made.doc_string = old.doc_string
        made.overload = old.overload
        made.metadata_props.extend(old.metadata_props)
        has = {one.name for one in made.attribute}
        made.attribute.extend(one for one in old.attribute if one.name not in has and _beyond(one))


@dataclass(frozen=True)
class _Around:
    """A graph, as it is written."""

    made: GraphProto
    initializers: set[str]
    """Those that it had."""


def _hand_out(body: _Around, around: Sequence[_Around]) -> None:
    """Weights of the graphs around go back there: graphsurgeon has them in each body that reads."""
    kept = []
    for tensor in body.made.initializer:
        homes = [one for one in around if tensor.name in one.initializers]
        if tensor.name in body.initializers or not homes:
            kept.append(tensor)
            continue
        there = {one.name: one for one in homes[-1].made.initializer}
        if tensor.name not in there:
            homes[-1].made.initializer.append(tensor)
        elif there[tensor.name] != tensor:
            kept.append(tensor)
    if len(kept) < len(body.made.initializer):
        copies = [TensorProto.FromString(one.SerializeToString()) for one in kept]
        del body.made.initializer[:]
        body.made.initializer.extend(copies)


def _simplify_graph(graph: GraphProto) -> None:
    for one in (*graph.input, *graph.output, *graph.value_info):
        if not _plain(one):
            one.ClearField("type")
    _simplify_nodes(graph.node)


def _simplify_nodes(nodes: Iterable[NodeProto]) -> None:
    for node in nodes:
        kept = [one for one in node.attribute if not _beyond(one)]
        if len(kept) < len(node.attribute):
            copies = [AttributeProto.FromString(one.SerializeToString()) for one in kept]
            del node.attribute[:]
            node.attribute.extend(copies)
        for _, body in _bodies(node):
            _simplify_graph(body)


def _bodies(node: NodeProto) -> Iterator[tuple[str, GraphProto]]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH and not attribute.ref_attr_name:
            yield attribute.name, attribute.g


def _beyond(attribute: AttributeProto) -> bool:
    """Whether graphsurgeon cannot read the attribute, or not write it."""
    if attribute.ref_attr_name:
        return False
    if attribute.type in _LISTS and not getattr(attribute, _LISTS[attribute.type]):
        return True
    texts = [attribute.s, *attribute.strings]
    return attribute.type not in _KNOWN or not all(map(_is_text, texts))


def _is_text(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _plain(info: ValueInfoProto) -> bool:
    return bool(info.type.HasField("tensor_type")) or not info.type.ByteSize()


def _same_type(one: ValueInfoProto, other: ValueInfoProto) -> bool:
    ours, theirs = one.type.tensor_type, other.type.tensor_type
    return bool(ours.elem_type == theirs.elem_type and _sizes(ours) == _sizes(theirs))


def _sizes(tensor: Any) -> list[Any] | None:
    if not tensor.HasField("shape"):
        return None
    return [getattr(dim, dim.WhichOneof("value") or "", None) for dim in tensor.shape.dim]


def _add_constant_outputs(graph: gs.Graph, made: GraphProto) -> None:
    """Graphsurgeon writes only those constants that a node reads."""
    there = {one.name for one in made.initializer}
    there |= {name for node in made.node for name in node.output}
    for tensor in graph.outputs:
        if isinstance(tensor, gs.Constant) and tensor.name not in there:
            made.initializer.append(OnnxExporter.export_tensor_proto(tensor))


def _declare(made: GraphProto, old: GraphProto) -> None:
    """Types as they were declared, where they are the same; in the order in which they were."""
    infos = {one.name: one for one in (*old.value_info, *old.input, *old.output)}
    values = {name for node in made.node for name in node.output}
    for one in (*made.input, *made.output, *made.value_info):
        was = infos.get(one.name)
        if was is not None and (not one.type.ByteSize() or _same_type(one, was)):
            one.CopyFrom(was)
    weights = {one.name: one for one in made.initializer}
    # Graphsurgeon declares in a body what that reads from around it.
    told = {one.name: _copied(one) for one in made.value_info if one.name in values}
    places = {one.name: place for place, one in enumerate(old.value_info)}
    for one in old.value_info:
        made_otherwise = one.name in values and not _plain(one)
        if made_otherwise or (one.name in weights and _is_of(weights[one.name], one)):
            told.setdefault(one.name, one)
    ordered = sorted(told.values(), key=lambda one: places.get(one.name, len(places)))
    del made.value_info[:]
    made.value_info.extend(ordered)


def _copied(info: ValueInfoProto) -> ValueInfoProto:
    made = ValueInfoProto()
    made.CopyFrom(info)
    return made


def _is_of(tensor: TensorProto, info: ValueInfoProto) -> bool:
    declared = info.type.tensor_type
    return declared.elem_type == tensor.data_type and _sizes(declared) == list(tensor.dims)


def _reorder(made: GraphProto, names: Sequence[str]) -> None:
    """Initializers in the order in which they were, new ones last."""
    places = {name: place for place, name in enumerate(names)}
    ordered = sorted(made.initializer, key=lambda one: places.get(one.name, len(places)))
    copies = [TensorProto.FromString(one.SerializeToString()) for one in ordered]
    del made.initializer[:]
    made.initializer.extend(copies)


def _inputs_with_defaults(made: ModelProto, old: GraphProto) -> None:
    """Graphsurgeon takes inputs that have a default for constants."""
    there = {one.name for one in made.graph.input}
    initializers = {one.name: one for one in made.graph.initializer}
    defaults = {one.name for one in old.initializer} & initializers.keys()
    for one in old.input:
        if one.name in defaults and one.name not in there:
            made.graph.input.append(one)
            there.add(one.name)
    if made.ir_version < _DEFAULTS_ARE_INPUTS:
        for name, tensor in initializers.items():
            if name not in there:
                declared = made.graph.input.add(name=name)
                declared.type.tensor_type.elem_type = tensor.data_type
                for size in tensor.dims:
                    declared.type.tensor_type.shape.dim.add(dim_value=size)
