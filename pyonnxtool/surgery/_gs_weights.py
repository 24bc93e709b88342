"""Weights of an onnx-graphsurgeon graph: mapped from the model's file until a script has others."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_graphsurgeon as gs
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    SparseTensorProto,
    TensorProto,
    numpy_helper,
)
from onnx_graphsurgeon.ir.tensor import LazyValues, SparseValues

from pyonnxtool import _core
from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool._core import Function, Graph, Model, Tensor

_KEY = "pyonnxtool/"
"""Begins the place of a weight that is written elsewhere."""
_SMALL = 1024
"""Bytes of an attribute's tensor that is left where it is."""
_MAPPED = 1 << 20
"""Bytes from which on elements are mapped when a script asks for them, and not copied."""
_AT_ONCE = 1 << 24
"""Bytes that are compared in one go."""


def emptied(model: Model) -> tuple[ModelProto, list[Tensor]]:
    """The model without its weights, each of which names its place in the list instead."""
    bare = model.copy()
    tensors: list[Tensor] = []
    places: list[Callable[[Tensor], object]] = []
    for graph in _graphs(bare):
        for tensor in graph.initializers:
            tensors.append(tensor)
            places.append(_initializer(graph, tensor.name))
        for node in graph.nodes:
            for name, value in node.attributes.items():
                if isinstance(value, _core.Tensor) and value.nbytes > _SMALL:
                    tensors.append(value)
                    places.append(_attribute(node, name))
    stubs = [_stub(tensor.dtype, tensor.shape, str(key)) for key, tensor in enumerate(tensors)]
    source = _core.from_bytes(
        ModelProto(ir_version=10, graph=GraphProto(initializer=stubs)).SerializeToString()
    )
    for put, stub in zip(places, source.graph.initializers, strict=True):
        put(stub)
    made = ModelProto()
    made.ParseFromString(bare.to_bytes(weights="keep"))
    return made, tensors


def _graphs(model: Model) -> Iterator[Graph]:
    holders: list[Model | Function] = [model, *model.functions]
    for holder in holders:
        yield from graphs_under(holder.graph)


def _initializer(graph: Graph, name: str) -> Callable[[Tensor], object]:
    return lambda stub: graph.set_initializer(stub, name)


def _attribute(node: _core.Node, name: str) -> Callable[[Tensor], object]:
    return lambda stub: node.set_attribute(name, stub)


def _stub(dtype: str, shape: Sequence[int], key: str) -> TensorProto:
    made = TensorProto(name=_KEY + key, data_type=elem_type(dtype), dims=shape)
    made.data_location = TensorProto.EXTERNAL
    made.external_data.add(key="location", value=_KEY + key)
    return made


def key_of(tensor: TensorProto) -> int | None:
    """Which weight it stands for; None for one that is what it is."""
    for entry in tensor.external_data:
        if entry.key == "location" and entry.value.startswith(_KEY):
            return int(entry.value[len(_KEY) :])
    return None


class _Mapped(LazyValues):  # type: ignore[misc]
    """A weight of the model, which is read when a script asks for it."""

    def __init__(self, lazy: LazyValues, key: int, weights: Weights) -> None:
        self.shape, self.dtype, self.nbytes = lazy.shape, lazy.dtype, lazy.nbytes
        self._key, self._weights = key, weights

    @property
    def tensor(self) -> TensorProto:
        """What graphsurgeon writes: a stub for our own use, else all of it, as folding needs."""
        tensor = self._weights.tensors[self._key]
        if self._weights.aside:
            return _stub(tensor.dtype, tensor.shape, str(self._key))
        return numpy_helper.from_array(tensor.numpy(), tensor.name)

    def load(self) -> NDArray[Any]:
        """The elements, which can be written to; the file stays as it is."""
        return self._weights.loaded(self._key)


class _Aside(LazyValues):  # type: ignore[misc]
    """Elements that a script made, while the rest is written."""

    def __init__(self, stub: TensorProto) -> None:
        self.tensor = stub
        self.shape, self.dtype, self.nbytes = list(stub.dims), stub.data_type, 0


class _Sparse(SparseValues):  # type: ignore[misc]
    """A sparse weight; graphsurgeon reads some of them, as float64, and writes the old name."""

    def load(self) -> NDArray[Any]:
        """All elements."""
        values = numpy_helper.to_array(self.tensor.values)
        places = numpy_helper.to_array(self.tensor.indices)
        dense = np.zeros(tuple(self.tensor.dims), values.dtype)
        if places.ndim == 1:
            dense.reshape(-1)[places] = values
        else:
            dense[tuple(places.T)] = values
        return dense

    def named(self, name: str) -> _Sparse:
        """The same for a constant of another name."""
        tensor = SparseTensorProto()
        tensor.CopyFrom(self.tensor)
        tensor.values.name = name
        return _Sparse(tensor)


class Weights:
    """The tensors of a model, and those that a script put in their place."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.tensors = list(tensors)
        self.aside = False
        """Whether graphsurgeon writes stubs."""
        self._read: dict[int, tuple[NDArray[Any], int]] = {}

    def offer(self, graph: gs.Graph) -> None:
        """Let the constants of a graph that was just made be mapped from the file."""
        for constant in constants_of(graph):
            lazy = constant._values
            if type(lazy) is SparseValues:
                constant._values = _Sparse(lazy.tensor)
            key = key_of(lazy.tensor) if type(lazy) is LazyValues else None
            if key is not None:
                constant._values = _Mapped(lazy, key, self)
                constant.data_location = None

    def loaded(self, key: int) -> NDArray[Any]:
        """The elements of a tensor in an array of the script's own."""
        tensor = self.tensors[key]
        place = tensor.location
        plain = tensor.numpy()
        if place is None or tensor.nbytes < _MAPPED or plain.nbytes != tensor.nbytes:
            made = np.array(plain)
        else:
            made = np.memmap(place[0], plain.dtype, "c", place[1], plain.shape)
        self._read[id(made)] = (made, key)
        return made

    @contextlib.contextmanager
    def set_aside(self, graph: gs.Graph) -> Iterator[None]:
        """While this lasts, graphsurgeon writes stubs of all constants, which `refill` knows."""
        before = [(one, one._values) for one in constants_of(graph)]
        known: dict[int, int] = {}
        for constant, values in before:
            if isinstance(values, _Sparse):
                constant._values = values.named(constant.name)
            if isinstance(values, np.ndarray) and constant._export_dtype is None:
                if id(values) not in known:
                    known[id(values)] = self._key_for(values)
                tensor = self.tensors[known[id(values)]]
                key = str(known[id(values)])
                constant._values = _Aside(_stub(tensor.dtype, tensor.shape, key))
        self.aside = True
        try:
            yield
        finally:
            self.aside = False
            for constant, values in before:
                constant._values = values

    def _key_for(self, values: NDArray[Any]) -> int:
        """Of the tensor that the array was read from, unless it was changed since."""
        array, key = self._read.get(id(values), (None, -1))
        if array is values and _same_bytes(values, self.tensors[key].numpy()):
            return key
        self.tensors.append(_core.Tensor(np.ascontiguousarray(values)))
        return len(self.tensors) - 1


def _same_bytes(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype == object:
        return bool(np.all(one == other))
    ours, theirs = (each.reshape(-1).view(np.uint8) for each in (one, other))
    starts = range(0, ours.size, _AT_ONCE)
    return all(
        np.array_equal(ours[at : at + _AT_ONCE], theirs[at : at + _AT_ONCE]) for at in starts
    )


def constants_of(graph: gs.Graph) -> Iterator[gs.Constant]:
    """Each constant of a graph, its bodies and its functions, once."""
    return (tensor for tensor in tensors_of(graph) if isinstance(tensor, gs.Constant))


def tensors_of(graph: gs.Graph) -> Iterator[gs.Tensor]:
    """Each tensor of a graph, its bodies and its functions, once; attributes of nodes as well."""
    seen: set[int] = set()
    waiting = [graph, *graph.functions]
    while waiting:
        place = waiting.pop()
        tensors = [*place.inputs, *place.outputs]
        for node in place.nodes:
            tensors += [*node.inputs, *node.outputs]
            for value in node.attrs.values():
                if isinstance(value, gs.Graph):
                    waiting.append(value)
                else:
                    tensors.append(value)
        for tensor in tensors:
            if isinstance(tensor, gs.Tensor) and id(tensor) not in seen:
                seen.add(id(tensor))
                yield tensor


def refill(model: Model, proto: ModelProto, weights: Weights) -> None:
    """Put the tensors in the place of their stubs. `proto` is what the model was read from."""
    _refill_graph(model.graph, proto.graph, weights)
    for function, written in zip(model.functions, proto.functions, strict=True):
        _refill_nodes(function.graph, written.node, weights)


def _refill_graph(graph: Graph, proto: GraphProto, weights: Weights) -> None:
    for tensor in proto.initializer:
        key = key_of(tensor)
        if key is not None:
            graph.set_initializer(weights.tensors[key], tensor.name)
    _refill_nodes(graph, proto.node, weights)


def _refill_nodes(graph: Graph, written: Sequence[Any], weights: Weights) -> None:
    kinds = (AttributeProto.TENSOR, AttributeProto.GRAPH)
    for node, proto in zip(graph.nodes, written, strict=True):
        for attribute in proto.attribute:
            if attribute.type not in kinds or attribute.ref_attr_name:
                continue
            if attribute.type == AttributeProto.GRAPH:
                _refill_graph(node.attributes[attribute.name], attribute.g, weights)
            elif (key := key_of(attribute.t)) is not None:
                node.set_attribute(attribute.name, weights.tensors[key])
