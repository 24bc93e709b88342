"""What Transposes of a model move, counted from the file alone: the tests' own measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import onnx
from onnx import TensorProto, helper


@dataclass(frozen=True)
class Moved:
    """Transposes whose elements change place, and the bytes of what they make."""

    transposes: int
    bytes: int


def moved(model: onnx.ModelProto) -> Moved:
    """Over the main graph and all bodies, each run once; open sizes count as 1."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    found = [size for graph in _graphs(inferred.graph) for size in _sizes(graph)]
    return Moved(len(found), sum(found))


def useless(model: onnx.ModelProto) -> list[str]:
    """Transposes that move nothing: only axes of size 1 change place, or none."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    return [
        node.output[0]
        for graph in _graphs(inferred.graph)
        for node, order, _ in _transposes(graph)
        if order == sorted(order)
    ]


def _sizes(graph: onnx.GraphProto) -> Iterator[int]:
    constant = {tensor.name for tensor in graph.initializer}
    for node, order, size in _transposes(graph):
        if order != sorted(order) and node.input[0] not in constant:
            yield size


def _transposes(graph: onnx.GraphProto) -> Iterator[tuple[onnx.NodeProto, list[int], int]]:
    types = {
        info.name: info.type.tensor_type
        for info in [*graph.input, *graph.output, *graph.value_info]
    }
    for node in graph.node:
        if node.op_type != "Transpose":
            continue
        kind = types[node.output[0]]
        made = [dim.dim_value or 1 for dim in kind.shape.dim]
        opened = [not dim.HasField("dim_value") for dim in kind.shape.dim]
        perm = next((list(a.ints) for a in node.attribute if a.name == "perm"), None)
        if not kind.HasField("shape") and perm:  # what a Loop gives has no shape that is inferred
            made, opened = [1] * len(perm), [True] * len(perm)
        perm = perm or list(range(len(made)))[::-1]
        order = [perm[i] for i in range(len(made)) if made[i] != 1 or opened[i]]
        yield node, order, prod(made) * _width(kind.elem_type)


def _width(elem_type: int) -> int:
    if elem_type == TensorProto.STRING:
        return 1
    return int(helper.tensor_dtype_to_np_dtype(elem_type).itemsize)


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)
