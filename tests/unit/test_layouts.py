"""Networks against their NHWC copies: the same numbers in another layout."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pyonnxtool import bisect, diff
from support.nhwc import nhwc_copy
from support.parsed import parsed
from support.zoo import ZOO

MODELS = ("resnet_13", "mobile_11", "unet_18", "detector_17")


def models(name: str) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    model = ZOO[name]().model
    return model, nhwc_copy(model)


@pytest.mark.parametrize("name", MODELS)
def test_an_nhwc_copy_is_the_same_network(name):
    report = diff(*models(name))
    assert report.verdict == "same"
    assert report.coverage.unmatched == report.coverage.ambiguous == 0
    moved = [row for row in report.values if row.note.startswith("transposed (0, 2, 3, 1)")]
    assert len(moved) >= 9
    assert not [row.value for row in report.values if row.status == "bad"]


@pytest.mark.parametrize("name", MODELS)
def test_a_weight_that_differs_in_the_copy_is_named(name):
    ours, theirs = models(name)
    convs = [node for node in theirs.graph.node if node.op_type == "Conv"]
    chosen = convs[len(convs) // 2]
    for tensor in theirs.graph.initializer:
        if tensor.name == chosen.input[1]:
            array = numpy_helper.to_array(tensor).copy()
            array.reshape(-1)[::3] *= 1.5
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    report = bisect(ours, theirs)
    assert report.verdict == "fault"
    assert [culprit.outputs for culprit in report.culprits] == [tuple(chosen.output)]
    assert "weight" in report.culprits[0].why


def test_a_node_that_differs_among_moved_values_is_named():
    ours, theirs = models("resnet_13")
    relus = [node for node in theirs.graph.node if node.op_type == "Relu"]
    chosen = relus[2]
    assert chosen.input[0].endswith("/nhwc")
    chosen.op_type = "LeakyRelu"
    report = bisect(ours, theirs)
    assert report.verdict == "fault"
    assert report.culprits[0].outputs == tuple(chosen.output)


def test_a_permutation_that_is_no_layout_is_a_fault():
    """On square maps a swap of height and width leaves shape and numbers as they are."""
    ours = ZOO["resnet_13"]().model
    theirs = onnx.ModelProto()
    theirs.CopyFrom(ours)
    relu = next(node for node in theirs.graph.node if node.op_type == "Relu")
    at = list(theirs.graph.node).index(relu)
    name = relu.output[0]
    relu.output[0] = "straight"
    turned = onnx.helper.make_node("Transpose", ["straight"], [name], "turn", perm=[0, 1, 3, 2])
    theirs.graph.node.insert(at + 1, turned)
    report = bisect(ours, theirs)
    assert report.verdict == "fault"
    assert {culprit.op_type for culprit in report.culprits} == {"Transpose"}


OURS = (
    "g (float[1, 3, 8, 6] x) => (float[1, 3, 8, 6] y)"
    " { a = LpPool <kernel_shape = [1, 1]> (x)  b = Exp (a)  y = Sqrt (b) }"
)
THEIRS = (
    "g (float[1, 8, 6, 3] x) => (float[1, 8, 6, 3] y) { t = Transpose <perm = [0, 3, 1, 2]> (x)"
    "  a = LpPool <kernel_shape = [1, 1]> (t)  u = Transpose <perm = [0, 2, 3, 1]> (a)"
    "  b = Exp (u)  y = Sqrt (b) }"
)


def test_inputs_and_outputs_may_have_their_channels_last():
    report = diff(parsed(OURS), parsed(THEIRS))
    assert report.verdict == "same"
    assert "input 'x' is fed transposed (0, 2, 3, 1)" in report.notes
    assert report.outputs[0].note == "transposed (0, 2, 3, 1)"
    wrong = bisect(parsed(OURS), parsed(THEIRS.replace("b = Exp", "b = Softplus")))
    assert [culprit.op_type for culprit in wrong.culprits] == ["Softplus"]


def test_an_output_in_another_order_of_one_shape_is_different():
    ours = "g (float[4, 4] x) => (float[4, 4] y) { y = Exp (x) }"
    theirs = "g (float[4, 4] x) => (float[4, 4] y) { a = Exp (x)  y = Transpose (a) }"
    assert diff(parsed(ours), parsed(theirs)).verdict == "different"
    report = bisect(parsed(ours), parsed(theirs))
    assert [culprit.op_type for culprit in report.culprits] == ["Transpose"]


def test_a_transpose_of_another_perm_is_a_fault_and_no_layout():
    ours = "{ a = Exp (x)  t = Transpose <perm = [0, 2, 1]> (a)  y = Reshape (t, s) }"
    ours = "g (float[2, 3, 4] x, int64[2] s) => (float[2, 12] y) " + ours
    theirs = ours.replace("[0, 2, 1]", "[2, 0, 1]")
    given = {"x": np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)}
    report = bisect(parsed(ours), parsed(theirs), inputs={**given, "s": np.array([2, 12])})
    assert [culprit.op_type for culprit in report.culprits] == ["Transpose"]
    assert "attribute perm differs" in report.culprits[0].why


def test_views_hold_for_several_samples():
    report = diff(*models("resnet_13"), samples=3)
    assert report.verdict == "same" and report.samples == 3
    assert np.isfinite([row.accumulated["max_abs"] for row in report.values]).all()
