"""Runs `layout` on a small model and holds everything that it says against what both models do."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from pyonnxtool import _core, from_proto
from support.graph_builder import Feed
from support.ort_runs import all_values, run
from support.relaid import random_feed
from support.transposes import useless

Inner = list[tuple[int, list[int], list[int]]]


def parsed(text: str, opset: int = 17, ir_version: int = 8) -> onnx.ModelProto:
    """A graph in ONNX's own text form. Values that it only declares are weights of some numbers."""
    head = f'<ir_version: {ir_version}, opset_import: ["" : {opset}]>'
    model = onnx.parser.parse_model(head + text)
    rng = np.random.default_rng(3)
    made = {name for node in model.graph.node for name in node.output}
    for info in [*model.graph.value_info]:
        if info.name in made:
            continue
        shape = [dim.dim_value for dim in info.type.tensor_type.shape.dim]
        numbers = rng.standard_normal(shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(numbers, info.name))
        model.graph.value_info.remove(info)
    return model


def relaid(model: onnx.ModelProto, **options: Any) -> tuple[_core.Relaid, onnx.ModelProto]:
    """`_core.layout` of it; asserts that the new model is sound and computes the same.

    Every value that has the name of an old one, or is in the value map, is compared through it;
    declared types are held against the shapes that come out.
    """
    made = _core.layout(from_proto(model), **options)
    new = onnx.ModelProto.FromString(made.model.to_bytes())
    assert not made.model.verify()
    onnx.checker.check_model(new, full_check=True)
    assert not useless(new)
    assert [v.name for v in new.graph.input] == [v.name for v in model.graph.input]
    assert [v.name for v in new.graph.output] == [v.name for v in model.graph.output]
    constants = {tensor.name for tensor in model.graph.initializer}
    feed = {name: data for name, data in random_feed(model).items() if name not in constants}
    moved = {name: _stored(data, made.border.get(name), []) for name, data in feed.items()}
    _compare_outputs(model, new, feed, moved, made)
    _compare_values(model, new, feed, moved, made)
    return made, new


def op_types(graph: onnx.GraphProto) -> list[str]:
    """Of its nodes, in order."""
    return [node.op_type for node in graph.node]


def nodes_text(graph: onnx.GraphProto) -> list[str]:
    """ "y = Transpose (x)" of each node."""
    return [f"{', '.join(n.output)} = {n.op_type} ({', '.join(n.input)})" for n in graph.node]


def _stored(data: NDArray[Any], perm: list[int] | None, inner: Inner) -> NDArray[Any]:
    for axis, sizes, order in inner:
        split = data.reshape(*data.shape[:axis], *sizes, *data.shape[axis + 1 :])
        places = [
            *range(axis),
            *(axis + place for place in order),
            *range(axis + len(sizes), split.ndim),
        ]
        data = split.transpose(places).reshape(data.shape)
    return data if perm is None else np.ascontiguousarray(data.transpose(perm))


def _compare_outputs(
    old: onnx.ModelProto, new: onnx.ModelProto, feed: Feed, moved: Feed, made: _core.Relaid
) -> None:
    [ours], [theirs] = run(old, [feed]), run(new, [moved])
    for value, one, other in zip(old.graph.output, ours, theirs, strict=True):
        _same(value.name, _stored(one, made.border.get(value.name), []), other)


def _compare_values(
    old: onnx.ModelProto, new: onnx.ModelProto, feed: Feed, moved: Feed, made: _core.Relaid
) -> None:
    ours = dict(all_values(old, [feed])) | feed | _weights(old)
    theirs = dict(all_values(new, [moved])) | moved | _weights(new)
    weights = _weights(new).keys()
    mapped = set()
    for name, old_name, perm, inner in made.value_map:
        mapped.add(name)
        wanted = _stored(ours[old_name], perm, inner)
        _same(f"{name} as {old_name}", wanted, theirs[name], name in weights)
    scales = {name for node in old.graph.node if node.op_type == "Resize" for name in node.input}
    for name in ours.keys() & theirs.keys() - mapped:
        if name in weights and (ours[name].dtype == np.int64 or name in scales):
            continue  # axes, sizes and the like say how the node that reads them looks now
        _same(name, ours[name], theirs[name], name in weights)
    for info in [*new.graph.input, *new.graph.output, *new.graph.value_info]:
        tensor = info.type.tensor_type
        dims = [dim.dim_value for dim in tensor.shape.dim]
        if info.name in theirs and tensor.HasField("shape") and all(dims):
            assert list(theirs[info.name].shape) == dims, info.name


def _weights(model: onnx.ModelProto) -> Feed:
    """By name of the value. A weight may have been given axes of size 1, or lost some."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    constants = [node for node in model.graph.node if node.op_type == "Constant"]
    stored |= {node.output[0]: node.attribute[0].t for node in constants}
    return {name: onnx.numpy_helper.to_array(tensor) for name, tensor in stored.items()}


def _same(name: str, wanted: NDArray[Any], got: NDArray[Any], weight: bool = False) -> None:
    if weight:
        wanted, got = wanted.squeeze(), got.squeeze()
    assert wanted.shape == got.shape, f"{name}: {wanted.shape} and {got.shape}"
    assert wanted.dtype == got.dtype, name
    if wanted.dtype.kind != "f":
        assert np.array_equal(wanted, got), name
        return
    scale = float(np.max(np.abs(wanted), initial=0.0))
    assert np.allclose(wanted, got, rtol=1e-5, atol=1e-5 * scale, equal_nan=True), name
