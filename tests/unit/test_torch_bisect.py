"""PyTorch as the reference of its own exports: nothing is blamed unless it is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pyonnxtool.bisection import bisect
from pyonnxtool.diffing import diff

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from support.torch_models import NETS, export, exported, network

pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings("ignore")]

EXPORTS = ["dynamo18", "ts11", "ts17"]


def nodes(model: onnx.ModelProto, *ops: str) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type in ops]


def label(node: onnx.NodeProto) -> str:
    return node.name or node.output[0]


def set_attribute(node: onnx.NodeProto, name: str, value: Any) -> None:
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, onnx.helper.make_attribute(name, value)])


def scaled_elements(model: onnx.ModelProto, name: str) -> None:
    (tensor,) = (one for one in model.graph.initializer if one.name == name)
    values = numpy_helper.to_array(tensor).copy()
    values.reshape(-1)[:3] += 0.5
    tensor.CopyFrom(numpy_helper.from_array(values, name))


@pytest.mark.parametrize("how", EXPORTS)
@pytest.mark.parametrize("name", ["vision", "text", "speech"])
def test_a_clean_export_is_the_same_and_no_node_is_bad(name: str, how: str) -> None:
    model = export(name, how)
    report = diff(network(name), model)
    assert report.verdict == "same"
    assert [row.value for row in report.values if row.status == "bad"] == []
    assert report.weights == ()
    assert report.weights_compared >= 2


@pytest.mark.parametrize("options", [{"optimize": False}, {"dynamic_shapes": ({0: "batch"},)}])
def test_other_settings_of_the_exporter_make_no_difference(options: dict[str, Any]) -> None:
    _, args, names = NETS["vision"]
    model = exported(network("vision"), args(), names, "dynamo20", **options)
    report = diff(network("vision"), model)
    assert report.verdict == "same"
    assert report.coverage.compared >= 8
    assert not any(row.status == "bad" for row in report.values)


@pytest.mark.parametrize("how", EXPORTS)
def test_rounding_alone_is_never_a_fault(how: str) -> None:
    assert bisect(network("text"), export("text", how), rtol=1e-9).verdict == "drift"


def epsilon(model: onnx.ModelProto) -> onnx.NodeProto:
    node = nodes(model, "LayerNormalization")[2]
    set_attribute(node, "epsilon", 0.1)
    return node


def axis(model: onnx.ModelProto) -> onnx.NodeProto:
    node = nodes(model, "Softmax")[1]
    set_attribute(node, "axis", 2)
    return node


def weight(model: onnx.ModelProto) -> onnx.NodeProto:
    names = {tensor.name for tensor in model.graph.initializer}
    node = [n for n in nodes(model, "MatMul") if n.input[1] in names][7]
    scaled_elements(model, node.input[1])
    return node


def activation(model: onnx.ModelProto) -> onnx.NodeProto:
    node = nodes(model, "Erf")[1]
    node.op_type = "Tanh"
    return node


def permutation(model: onnx.ModelProto) -> onnx.NodeProto:
    """Heads and channels are swapped back the wrong way, in a shape that stays valid."""
    node = [n for n in nodes(model, "Transpose") if list(n.attribute[0].ints) == [0, 2, 1, 3]][-1]
    set_attribute(node, "perm", [0, 1, 2, 3])
    return node


@pytest.mark.parametrize("how", ["dynamo18", "ts17"])
@pytest.mark.parametrize("plant", [epsilon, axis, weight, activation, permutation])
def test_a_fault_in_a_transformer_is_named(
    how: str, plant: Callable[[onnx.ModelProto], onnx.NodeProto]
) -> None:
    model = export("text", how)
    node = plant(model)
    report = bisect(network("text"), model)
    assert report.verdict == "fault"
    assert [culprit.node for culprit in report.culprits] == [label(node)]
    assert report.culprits[0].region == ()
    assert "layers.1" in report.culprits[0].module


@pytest.mark.parametrize("how", EXPORTS)
def test_a_fault_behind_folded_batch_norm_is_named(how: str) -> None:
    model = export("vision", how)
    node = nodes(model, "Conv")[1]
    scaled_elements(model, node.input[2])
    (culprit,) = bisect(network("vision"), model).culprits
    assert (culprit.node, culprit.region) == (label(node), ())


@pytest.mark.parametrize("how", EXPORTS)
def test_a_fault_after_recurrent_layers_is_named(how: str) -> None:
    model = export("speech", how)
    (node,) = nodes(model, "Tanh")
    node.op_type = "Sigmoid"
    (culprit,) = bisect(network("speech"), model).culprits
    assert culprit.node == label(node)


def test_the_report_tells_module_source_and_parameter() -> None:
    model = export("text", "ts17")
    node = weight(model)
    report = bisect(network("text"), model)
    (culprit,) = report.culprits
    (row,) = report.weights
    assert (row.name, row.reference_name, row.changed) == (
        node.input[1],
        f"{culprit.module}.weight",
        3,
    )
    assert culprit.why == (
        f"weight {row.name!r} differs from the parameter {row.reference_name!r} in 3 elements, "
        "by up to 0.5"
    )
    assert culprit.source.endswith(": q, k, v = (")
    assert "torch_models.py:" in culprit.source
    assert culprit.referee.startswith("candidate wrong: in float64 the two still differ by 0.")


def test_what_pytorch_computes_in_the_place_of_the_culprit_is_told() -> None:
    model = export("text", "dynamo18")
    epsilon(model)
    (culprit,) = bisect(network("text"), model).culprits
    assert culprit.module == "layers.1.first"
    assert "layer_norm(" in culprit.why
    assert "eps=1e-05" in culprit.why


def test_a_model_without_torch_tells_module_and_source_from_its_metadata() -> None:
    good = export("text", "dynamo18")
    bad = copy.deepcopy(good)
    axis(bad)
    (culprit,) = bisect(good, bad).culprits
    assert culprit.module == "layers.1"
    assert "torch_models.py:" in culprit.source
    assert "torch.softmax(scores, -1)" in culprit.source


def test_torch_may_be_the_candidate() -> None:
    model = export("text", "dynamo18")
    node = axis(model)
    report = bisect(model, network("text"))
    assert report.candidate == "Text"
    assert [culprit.node for culprit in report.culprits] == [label(node)]
    assert "in float64 the two still differ by" in report.culprits[0].referee


def test_a_float16_copy_drifts_and_is_no_fault() -> None:
    half = export("vision", "dynamo18")
    for tensor in half.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32:
            rounded = values.astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(rounded, tensor.name))
    report = diff(network("vision"), half)
    assert report.verdict == "different"
