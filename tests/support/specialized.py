"""specialize, held against the model that it was given, on onnxruntime without optimizations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

import pyonnxtool as pot
from support.graph_builder import Feed
from support.ort_runs import Outputs, run


def parse(graph: str, opset: int = 18, ir_version: int = 10) -> onnx.ModelProto:
    """The model of `g (float[n] x) => (float[n] y) { y = Relu (x) }`."""
    domains = f'"" : {opset}, "com.microsoft" : 1, "custom" : 1'
    head = f"<ir_version: {ir_version}, opset_import: [{domains}]>\n"
    return onnx.parser.parse_model(head + graph)


def specialized(
    model: onnx.ModelProto,
    shapes: Mapping[str, Sequence[int | str | None]] | None = None,
    dims: Mapping[str, int] | None = None,
    **options: Any,
) -> onnx.ModelProto:
    """The model for these sizes, which is a valid one with the inputs and outputs of the old."""
    found = pot.to_proto(pot.specialize(model, shapes, dims, **options).model)
    onnx.checker.check_model(found)
    assert names(found.graph.input) == names(model.graph.input)
    assert names(found.graph.output) == names(model.graph.output)
    return found


def fixed_to(model: onnx.ModelProto, feed: Feed, **options: Any) -> onnx.ModelProto:
    """Specialized to the sizes of `feed`, on which it gives the same outputs."""
    found = specialized(model, {name: data.shape for name, data in feed.items()}, **options)
    assert_same(run(model, [feed]), run(found, [feed]))
    return found


def assert_same(expected: list[Outputs], found: list[Outputs]) -> None:
    """The same bits, shapes and dtypes."""
    for ours, theirs in zip(expected, found, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert np.asarray(one).dtype == np.asarray(other).dtype
            np.testing.assert_array_equal(one, other)


def names(infos: Sequence[onnx.ValueInfoProto]) -> list[str]:
    return [info.name for info in infos]


def operators(model: onnx.ModelProto) -> Counter[str]:
    """How many of each operator the main graph has."""
    return Counter(node.op_type for node in model.graph.node)


def dims_of(info: onnx.ValueInfoProto) -> list[int | str | None]:
    """Sizes as the file has them: a number, a name, or None."""
    return [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
        for dim in info.type.tensor_type.shape.dim
    ]
