"""Constants, declared types and functions of models whose layout changes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from pyonnxtool import _core, from_proto
from support.changed_layout import nodes_text, op_types, parsed, relaid

NCHW, NHWC = "<perm = [0, 3, 1, 2]>", "<perm = [0, 2, 3, 1]>"


def names(graph: onnx.GraphProto) -> list[str]:
    return [tensor.name for tensor in graph.initializer]


def test_a_constant_keeps_its_place_and_name() -> None:
    model = parsed(
        f"""g (float[1,8,4,5] x) => (float[1,8,4,5] y)
            <float[2] first, float[1,4,5,8] w, float[8] bias, float[2] last> {{
          a = Transpose {NHWC} (x)
          b = Add (a, w)
          c = Mul (b, bias)
          y = Transpose {NCHW} (c)
        }}"""
    )
    made, new = relaid(model)
    assert nodes_text(new.graph) == ["b = Add (x, w)", "y = Mul (b, bias)"]
    assert names(new.graph) == names(model.graph)
    assert {t.name: list(t.dims) for t in new.graph.initializer}["bias"] == [8, 1, 1]
    assert ("w", "w", [0, 3, 1, 2], []) in made.value_map


def test_a_constant_that_is_read_in_two_layouts_is_stored_twice() -> None:
    model = parsed(
        f"""g (float[1,8,4,5] x, float[1,4,5,8] z) => (float[1,8,4,5] y, float[1,4,5,8] v)
            <float[1,4,5,8] w> {{
          a = Transpose {NHWC} (x)
          b = Add (a, w)
          y = Transpose {NCHW} (b)
          v = Add (z, w)
        }}"""
    )
    _, new = relaid(model)
    assert nodes_text(new.graph) == ["y = Add (x, w_0312)", "v = Add (z, w)"]
    assert names(new.graph) == ["w", "w_0312"]


def test_a_constant_of_a_node_is_relaid_where_it_stands() -> None:
    model = parsed(
        f"""g (float[1,8,4,5] x) => (float[1,8,4,5] y) {{
          a = Transpose {NHWC} (x)
          b = Add (a, c)
          y = Transpose {NCHW} (b)
        }}"""
    )
    rng = np.random.default_rng(0)
    value = numpy_helper.from_array(rng.random((1, 4, 5, 8), np.float32), "kept")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], "constant", value=value))
    _, new = relaid(model)
    assert nodes_text(new.graph) == ["c = Constant ()", "y = Add (x, c)"]
    assert list(new.graph.node[0].attribute[0].t.dims) == [1, 8, 4, 5]
    assert new.graph.node[0].attribute[0].t.name == "kept"


@pytest.mark.parametrize(("rows", "wanted"), [(8, ["Gather", "MatMul"]), (40_000, None)])
def test_a_tied_weight_is_stored_twice_only_where_it_is_small(
    rows: int, wanted: list[str] | None
) -> None:
    model = parsed(
        f"""g (int64[3] ids, float[3,8] h) => (float[3,8] e, float[3,{rows}] y)
            <float[{rows},8] w> {{
          e = Gather (w, ids)
          t = Transpose <perm = [1, 0]> (w)
          y = MatMul (h, t)
        }}"""
    )
    made = _core.layout(from_proto(model))
    found = [node.op_type for node in made.model.graph.nodes]
    assert found == (wanted or ["Gather", "Transpose", "MatMul"])
    assert bool(made.changes) == bool(wanted)


def test_where_only_axes_of_size_1_move_the_bytes_of_a_weight_are_the_old_ones() -> None:
    model = parsed(
        """g (float[2,3,3,7] x) => (float[2,3,3,7] y) <float[1,1,1,7] w> {
          a = Transpose <perm = [0, 3, 1, 2]> (x)
          v = Transpose <perm = [0, 3, 1, 2]> (w)
          b = Mul (a, v)
          y = Transpose <perm = [0, 2, 3, 1]> (b)
        }"""
    )
    _, new = relaid(model)
    assert nodes_text(new.graph) == ["y = Mul (x, w)"]
    assert new.graph.initializer[0] == model.graph.initializer[0]


def test_weights_of_an_old_file_are_listed_as_inputs_no_more() -> None:
    model = parsed(
        f"""g (float[1,8,4,5] x, float[1,4,5,8] w) => (float[1,8,4,5] y) {{
          a = Transpose {NHWC} (x)
          b = Add (a, w)
          y = Transpose {NCHW} (b)
        }}""",
        opset=9,
        ir_version=3,
    )
    value = np.arange(160, dtype=np.float32).reshape(1, 4, 5, 8)
    model.graph.initializer.append(numpy_helper.from_array(value, "w"))
    made = _core.layout(from_proto(model))
    graph = made.model.graph
    assert [value.name for value in graph.inputs] == ["x"]
    assert made.model.ir_version == 4
    assert [node.op_type for node in graph.nodes] == ["Add"]


def test_an_old_file_without_weights_may_get_one() -> None:
    model = parsed(
        """g (float[1,8,1,5] x) => (float[1,1,8,5] y) {
          a = Transpose <perm = [0, 2, 1, 3]> (x)
          y = Relu (a)
        }""",
        opset=9,
        ir_version=3,
    )
    made = _core.layout(from_proto(model), only_cancel=True)
    assert [node.op_type for node in made.model.graph.nodes] == ["Reshape", "Relu"]
    assert made.model.ir_version == 4


def test_declared_types_follow_and_those_of_what_is_gone_go() -> None:
    model = parsed(
        f"""g (float[N,4,4,8] x) => (float[N,4,4,8] y) {{
          a = Transpose {NCHW} (x)
          b = Relu (a)
          c = Exp (b)
          y = Transpose {NHWC} (c)
        }}"""
    )
    model = onnx.shape_inference.infer_shapes(model)
    assert [info.name for info in model.graph.value_info] == ["a", "b", "c"]
    _, new = relaid(model)
    [info] = new.graph.value_info
    assert info.name == "b"
    dims = info.type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in dims] == ["N", 4, 4, 8]


def test_inputs_and_outputs_lie_as_asked() -> None:
    model = parsed(
        """g (float[N,8,4,5] x) => (float[N,3,4,5] y) <float[3,8,1,1] w> {
          c = Conv (x, w)
          y = Relu (c)
        }"""
    )
    made, new = relaid(model, io={"x": "nhwc", "y": "nhwc"})
    assert made.border == {"x": [0, 2, 3, 1], "y": [0, 2, 3, 1]}
    for value, channels in ((new.graph.input[0], 8), (new.graph.output[0], 3)):
        dims = value.type.tensor_type.shape.dim
        assert [dim.dim_param or dim.dim_value for dim in dims] == ["N", 4, 5, channels]


def test_a_function_that_holds_transposes_is_opened_and_another_is_not() -> None:
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
        g (float[1,4,4,8] x) => (float[1,4,4,8] y) {
          a = local.Island (x)
          y = local.Plain (a)
        }
        <domain: "local", opset_import: ["" : 17, "local" : 1]>
        Island (v) => (w) {
          t = Transpose <perm = [0, 3, 1, 2]> (v)
          u = Relu (t)
          w = Transpose <perm = [0, 2, 3, 1]> (u)
        }
        <domain: "local", opset_import: ["" : 17]>
        Plain (v) => (w) { w = Sin (v) }"""
    )
    made, new = relaid(model)
    assert op_types(new.graph) == ["Relu", "Plain"]
    assert [function.name for function in new.functions] == ["Plain"]
    assert ("inlined functions that hold Transposes", 1) in made.changes


def test_there_and_back_is_the_same_file() -> None:
    model = parsed(
        """g (float[1,8,6,6] x) => (float[1,3,4,4] y) <float[5,8,3,3] w, float[3,5,1,1] v> {
          c = Conv (x, w)
          r = Relu (c)
          d = Conv (r, v)
          y = Sigmoid (d)
        }"""
    )
    there, new = relaid(model, to="channels_last")
    assert there.functions == ["Conv"]
    assert op_types(new.graph) == ["Transpose", "Conv", "Relu", "Conv", "Transpose", "Sigmoid"]
    _, back = relaid(new, expand=True)
    assert back == model


def test_a_convolution_that_makes_nothing_is_no_reason_to_stop() -> None:
    model = parsed(
        """g (float[1,8,6,6] x) => (float[1,5,4,4] y) <float[5,8,3,3] w> {
          y = Conv (x, w)
          z = Conv (x, w)
        }"""
    )
    model.graph.node[0].name, model.graph.node[1].name = "first", "second"
    model.graph.node[1].output[0] = ""
    made = _core.layout(from_proto(model), to="channels_last")
    assert made.functions == ["Conv"]
    assert ("node 'second' (Conv)", "its first output is omitted") in made.left


def test_a_model_without_standard_operators_imports_those_that_it_gets() -> None:
    text = """<ir_version: 8, opset_import: ["ai.onnx.ml" : 1]>
        g (float[2,3] x) => (float[2,3] y) {
          y = ai.onnx.ml.Scaler <offset = [1.0, 2.0, 3.0], scale = [2.0, 2.0, 2.0]> (x)
        }"""
    model = onnx.parser.parse_model(text)
    _, new = relaid(model, io={"x": [1, 0]})
    assert op_types(new.graph) == ["Transpose", "Scaler"]
    assert {one.domain: one.version for one in new.opset_import} == {"ai.onnx.ml": 1, "": 13}
    assert not relaid(model)[0].changes
