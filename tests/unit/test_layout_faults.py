"""A fault in a model whose layouts were changed is found, with the report of layout or without."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import pyonnxtool as pot
from support.nhwc import nhwc_copy
from support.zoo import ZOO

WAYS: dict[str, dict[str, Any]] = {
    "resnet_13": {"to": "nhwc"},
    "mobile_11": {"to": "nchw"},
    "unet_18": {"to": "nhwc", "filters": "hwio"},
    "detector_17": {"to": "nchw"},
}


def spoiled(model: pot.Model, op_type: str) -> tuple[pot.Model, str]:
    """The model with a constant of the first node of that operator changed; and that node."""
    proto = pot.to_proto(model, weights="inside")
    weights = {tensor.name: tensor for tensor in proto.graph.initializer}
    found = [
        (node, name)
        for node in proto.graph.node
        for name in node.input[1:]
        if node.op_type == op_type and name in weights and weights[name].data_type == 1
    ]
    node, name = found[0]
    array = numpy_helper.to_array(weights[name]).copy()
    array.reshape(-1)[: max(1, array.size // 20)] *= 4
    weights[name].CopyFrom(numpy_helper.from_array(array, name))
    return pot.from_proto(proto), node.output[0]


def start(name: str) -> onnx.ModelProto:
    """Clean for the networks that become NHWC, full of Transposes for those that become NCHW."""
    model = ZOO[name]().model
    return model if WAYS[name]["to"] == "nhwc" else nhwc_copy(model)


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("told", [True, False], ids=["told", "found"])
def test_a_weight_that_differs_after_a_layout_is_named(name: str, told: bool) -> None:
    original = pot.as_model(start(name))
    made = pot.layout(original, **WAYS[name], verify=1)
    bad, output = spoiled(made.model, "Conv")
    report = pot.bisect(original, bad, value_map=made.report if told else ())
    assert report.verdict == "fault"
    inside = {node for culprit in report.culprits[:1] for node in (culprit.node, *culprit.outputs)}
    maker = bad.graph.value(output).producer
    assert maker is not None
    assert any(one == output or one.startswith(maker.name) for one in inside), inside
    assert "weight" in report.culprits[0].why
    if told:
        assert len(report.culprits) == 1


@pytest.mark.parametrize("name", WAYS)
def test_a_layout_is_the_same_model(name: str) -> None:
    original = pot.as_model(start(name))
    made = pot.layout(original, **WAYS[name], verify=1)
    found = pot.diff(original, made.model, value_map=made.report)
    assert found.verdict == "same"
    assert not [row.value for row in found.values if row.status == "bad"]
    assert found.coverage.compared > found.coverage.unmatched + found.coverage.ambiguous
    assert np.isfinite([row.accumulated["max_abs"] for row in found.values]).all()
