"""Layouts in which operators run slower: taken where Transposes only move past what
the file has, not where an operator would become another one."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pyonnxtool import _core, from_proto
from support.ort_runs import difference, run
from support.relaid import random_feed

ROUNDING = 1e-6
"""Of a sum in another order, relative to the scale of the result."""

SEGMENTS = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n, 4, 16, 16] x) => (int64[n, 16, 16] y) {
  maps = Conv (x, w)
  last = Transpose <perm = [0, 2, 3, 1]> (maps)
  shares = OP <axis = AXIS> (last)
  y = ArgMax <axis = 3, keepdims = 0> (shares)
}
"""


def segments(op_type: str, axis: int = -1) -> onnx.ModelProto:
    text = SEGMENTS.replace("OP", op_type).replace("AXIS", str(axis))
    model = onnx.parser.parse_model(text)
    weight = np.random.default_rng(1).normal(size=(7, 4, 1, 1)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    for node in model.graph.node:
        node.name = f"n_{node.output[0]}"
    return model


def moved(model: onnx.ModelProto) -> _core.Relaid:
    """The new layouts; they compute the same."""
    relaid = _core.layout(from_proto(model))
    feed = random_feed(model)
    new = onnx.ModelProto.FromString(relaid.model.to_bytes())
    apart = difference(run(model, [feed]), run(new, [feed]))
    assert apart is not None and apart <= ROUNDING
    return relaid


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax", "Hardmax"])
def test_a_softmax_in_the_way_of_the_fewest_bytes_moves_and_that_is_said(op_type: str) -> None:
    relaid = moved(segments(op_type))
    assert relaid.after == (0, 0)
    assert relaid.notes == [
        f"node 'n_shares' ({op_type}): onnxruntime runs it slower in its new layout; a target cost "
        f"for {op_type} would keep it as it is"
    ]


def test_a_target_cost_keeps_a_softmax() -> None:
    relaid = _core.layout(from_proto(segments("Softmax")), target_costs=[("Softmax", "nchw", 10.0)])
    assert relaid.after[0] == 1
    assert "it would run slower so, by more than moving takes" in relaid.moves[0].reason
    assert not relaid.notes


def test_what_does_not_mind_its_axis_moves() -> None:
    model = segments("Softmax")
    model.graph.node[2].op_type = "Sigmoid"
    del model.graph.node[2].attribute[:]
    assert moved(model).after == (0, 0)


def test_softmax_that_is_slow_already_moves() -> None:
    assert moved(segments("Softmax", axis=1)).after == (0, 0)


def test_softmax_along_an_axis_that_comes_last_moves() -> None:
    model = segments("Softmax", axis=2)
    relaid = moved(model)
    assert relaid.after == (0, 0)
    (node,) = (one for one in relaid.model.graph.nodes if one.op_type == "Softmax")
    assert node.attributes["axis"] in (3, -1)


POINTS = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n, 4, 16, 16] x) => (float[n, 16, 16, 32] y) {
  maps = Conv (INPUTS)
  y = Transpose <perm = [0, 2, 3, 1]> (maps)
}
"""


def points(inputs: str) -> onnx.ModelProto:
    model = onnx.parser.parse_model(POINTS.replace("INPUTS", inputs))
    rng = np.random.default_rng(1)
    for name, dims in (("w", (32, 4, 1, 1)), ("b", (32,))):
        if name in inputs.split(", "):
            array = rng.normal(size=dims).astype(np.float32)
            model.graph.initializer.append(numpy_helper.from_array(array, name))
    return model


def op_types(relaid: _core.Relaid) -> list[str]:
    return [node.op_type for node in relaid.model.graph.nodes]


def test_a_convolution_that_adds_a_bias_is_no_product_to_move_a_transpose_before_it() -> None:
    assert op_types(moved(points("x, w, b"))) == ["Conv", "Transpose"]
    assert op_types(moved(points("x, w"))) == ["Transpose", "MatMul"]


def test_it_is_a_product_where_both_transposes_go() -> None:
    model = points("first, w, b")
    node = onnx.helper.make_node("Transpose", ["x"], ["first"], perm=[0, 3, 1, 2])
    model.graph.node.insert(0, node)
    model.graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("x", 1, ["n", 16, 16, 4]))
    assert op_types(moved(model)) == ["MatMul", "Add"]
