"""Models with named sizes: what is inferred once, held against runs at several sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
import onnx.parser

from pyonnxtool import _core, from_proto
from support.graph_builder import Feed
from support.ort_runs import all_values
from support.real_shapes import Known, disagreements


def parsed(text: str, opset: int = 18) -> onnx.ModelProto:
    """A graph in ONNX's own text form."""
    ir_version = 8 if opset < 21 else 10
    return onnx.parser.parse_model(f'<ir_version: {ir_version}, opset_import: ["": {opset}]>{text}')


def inferred(model: onnx.ModelProto) -> _core.ShapeFacts:
    """What is known of its values; nothing in it contradicts itself."""
    facts = _core.infer_shapes(from_proto(model))
    assert not facts.contradictions, facts.contradictions[0][1]
    return facts


def sizes_of(model: onnx.ModelProto) -> dict[str, list[Known] | None]:
    """Dims of all that its nodes make, by name."""
    facts = inferred(model)
    names = [name for node in model.graph.node for name in node.output]
    return {name: _list(facts.value(name).dims) for name in names}


def elements_of(model: onnx.ModelProto) -> dict[str, list[Known] | None]:
    """Elements of all that its nodes make, by name."""
    facts = inferred(model)
    names = [name for node in model.graph.node for name in node.output]
    return {name: _list(facts.value(name).elements) for name in names}


def _list(found: Iterable[Known] | None) -> list[Known] | None:
    return None if found is None else list(found)


def feed_of(model: onnx.ModelProto, sizes: Mapping[str, int]) -> Feed:
    """Small counting numbers for every input that is no initializer."""
    constants = {tensor.name for tensor in model.graph.initializer}
    feed = {}
    for info in model.graph.input:
        if info.name in constants:
            continue
        tensor = info.type.tensor_type
        shape = [sizes[d.dim_param] if d.dim_param else d.dim_value for d in tensor.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        feed[info.name] = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    return feed


def wrong_at(model: onnx.ModelProto, sizes: Mapping[str, int]) -> list[str]:
    """What is inferred of the model and does not come out at these sizes of its inputs."""
    facts = inferred(model)
    try:
        values = all_values(model, [feed_of(model, sizes)])
    except Exception:  # onnxruntime has no base class for its own
        assert min(sizes.values()) < 2, f"onnxruntime refuses {dict(sizes)}"
        return []
    return [
        f"{name} {text} at {dict(sizes)}"
        for name, array in values
        for text in disagreements(facts.value(name), array, sizes)
    ]
