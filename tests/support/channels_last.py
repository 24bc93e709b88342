"""One operator as a call of a channels-last function, run beside the operator."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx.checker
from numpy.typing import NDArray

from pyonnxtool import _core, from_proto
from support.one_node import Input, node_model
from support.ort_runs import run
from support.relaid import random_feed, stored, unstored

Array = NDArray[Any]


def channels_last(
    model: onnx.ModelProto, filters: str = "oihw", domain: str = "pyonnxtool.nhwc"
) -> _core.RelaidNode:
    """The only node of the model as a call."""
    (node,) = model.graph.node
    return _core.channels_last_node(from_proto(model), node.name, filters, domain)


def called(made: _core.RelaidNode) -> onnx.ModelProto:
    """The model with the call and its function."""
    return onnx.ModelProto.FromString(made.model.to_bytes())


def function_of(case: tuple[str, list[Input], dict[str, Any]]) -> str:
    """Name of the function that such a node calls."""
    op_type, inputs, attributes = case
    return called(channels_last(node_model(op_type, inputs, 20, **attributes))).functions[0].name


def feed_of(model: onnx.ModelProto) -> list[tuple[str, Array]]:
    """Something for every input that is no constant."""
    return list(random_feed(model).items())


def computes_the_same(model: onnx.ModelProto, filters: str = "oihw") -> _core.RelaidNode:
    """The call does, and so does what it expands to; both are valid and keep to their layouts."""
    made = channels_last(model, filters)
    (expanded, calls, _) = _core.expand_channels_last(made.model)
    assert calls == 1
    feed = dict(feed_of(model))
    (ours,) = run(model, [feed])
    for other in (called(made), onnx.ModelProto.FromString(expanded.to_bytes())):
        _is_valid(other)
        moved = {}
        for slot, name in enumerate(made.input_names):
            order = made.inputs[slot]
            if name in feed:
                assert name is not None and order is not None
                moved[name] = stored(feed[name], order)
        (theirs,) = run(other, [moved])
        for one, two, order in zip(ours, theirs, made.outputs, strict=True):
            assert order is not None
            back = np.ascontiguousarray(unstored(two, order))
            assert one.shape == back.shape and one.dtype == back.dtype
            assert one.tobytes() == back.tobytes()
    return made


def _is_valid(model: onnx.ModelProto) -> None:
    """By onnx's checker; its inference knows nothing of onnxruntime's own operators."""
    domains = {each.domain for each in model.opset_import}
    onnx.checker.check_model(model, full_check="com.microsoft" not in domains)
