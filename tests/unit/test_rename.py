"""Values, inputs, outputs and nodes get other names."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

import pyonnxtool as pot
from pyonnxtool.errors import UsageError
from pyonnxtool.surgery.plain_names import all_plain, plain

NET = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x, float[3] c) => (float[n,3] y)
<float[3] "block.1.w" = {1, 2, 3}, float[3] "block.2.w" = {4, 5, 6}> {
   [first] "block.1.h" = Mul (x, "block.1.w")
   [second] "block.2.h" = Mul ("block.1.h", "block.2.w")
   y = Add ("block.2.h", c)
}
"""


def net() -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(NET))


def names(model: pot.Model) -> list[str]:
    return [name for node in model.graph.nodes for name in node.output_names]


def test_inputs_and_outputs() -> None:
    given = net()
    made = pot.rename(given, input_names={"x": "images"}, output_names={"y": "scores"})
    assert [value.name for value in made.model.graph.inputs] == ["images", "c"]
    assert [value.name for value in made.model.graph.outputs] == ["scores"]
    assert made.model.graph.nodes[0].input_names == ["images", "block.1.w"]
    assert [value.name for value in given.graph.inputs] == ["x", "c"]
    assert [(one.rule, one.count) for one in made.report.changes] == [
        ("inputs renamed", 1),
        ("outputs renamed", 1),
    ]
    assert made.report.pairs == (("x", "images"), ("y", "scores"))


@pytest.mark.parametrize(
    ("asked", "regex", "made"),
    [
        ({"block.*.h": "b*_h"}, False, ["b1_h", "b2_h", "y"]),
        ({"block.?.h": "b?"}, False, ["b1", "b2", "y"]),
        ({"block.[12].h": "b?"}, False, ["b1", "b2", "y"]),
        ({"block.[!1].h": "last"}, False, ["block.1.h", "last", "y"]),
        ({"*.*.h": "*/*/h"}, False, ["block/1/h", "block/2/h", "y"]),
        ({"^block[.]": "b_"}, True, ["b_1.h", "b_2.h", "y"]),
        ({r"block\.(\d)\.(.*)": r"\2\1"}, True, ["h1", "h2", "y"]),
        ({"block.1.h": "block.2.h", "block.2.h": "block.1.h"}, False, None),
    ],
)
def test_patterns(asked: dict[str, str], made: list[str] | None, *, regex: bool) -> None:
    found = pot.rename(net(), asked, regex=regex).model
    assert names(found) == (made or ["block.2.h", "block.1.h", "y"])
    onnx.checker.check_model(pot.to_proto(found), full_check=True)


def test_weights_are_values_and_their_bytes_stay() -> None:
    made = pot.rename(net(), {"block.*.w": "w*"}).model
    assert [tensor.name for tensor in made.graph.initializers] == ["w1", "w2"]
    assert made.graph.value("w2").initializer.numpy().tolist() == [4, 5, 6]  # type: ignore[union-attr]


def test_nodes_and_those_without_a_name() -> None:
    made = pot.rename(net(), node_names={"f*": "the_f*"}, name_nodes=True)
    assert [node.name for node in made.model.graph.nodes] == ["the_first", "second", "Add_0"]
    assert [(one.rule, one.count) for one in made.report.changes] == [
        ("nodes renamed", 1),
        ("nodes that had no name renamed", 1),
    ]


def test_a_prefix_for_all_but_the_border() -> None:
    made = pot.rename(net(), prefix="a/", keep_io=True, output_names={"y": "z"}).model
    assert [value.name for value in made.graph.inputs] == ["x", "c"]
    assert names(made) == ["a/block.1.h", "a/block.2.h", "z"]
    assert [node.name for node in made.graph.nodes] == ["a/first", "a/second", ""]
    whole = pot.rename(net(), prefix="a/").model
    assert [value.name for value in whole.graph.inputs] == ["a/x", "a/c"]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("/encoder/layer.0/MatMul_output_0", "encoder_layer_0_MatMul_output_0"),
        ("_a", "_a"),
        ("196", "value_196"),
        ("x:0", "x_0"),
        ("größe", "gr_e"),
        ("::", "value"),
        ("0:a", "value_0_a"),
    ],
)
def test_plain_names(name: str, made: str) -> None:
    assert plain(name, "value") == made


def test_plain_names_stay_apart() -> None:
    made = all_plain(["a.b", "a_b", "a/b", "c"], ["a_b_1"], "value")
    assert made == {"a.b": "a_b_2", "a_b": "a_b", "a/b": "a_b_3", "c": "c"}


def test_all_plain_but_the_border() -> None:
    made = pot.rename(net(), plain=True, input_names={"x": "x:0"}).model
    assert [value.name for value in made.graph.inputs] == ["x:0", "c"]
    assert names(made) == ["block_1_h", "block_2_h", "y"]
    assert [node.name for node in made.graph.nodes] == ["first", "second", "Add_0"]
    again = pot.rename(made, plain=True, keep_io=True)
    assert again.report.changes == ()


def test_plain_tells_nodes_of_one_name_apart() -> None:
    given = net()
    for node in given.graph.nodes:
        node.set_name("dup")
    made = pot.rename(given, plain=True)
    assert [node.name for node in made.model.graph.nodes] == ["dup", "dup_1", "dup_2"]
    assert ("nodes renamed", 2) in [(one.rule, one.count) for one in made.report.changes]
    ort.InferenceSession(pot.to_proto(made.model).SerializeToString())


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"names": {"block.1.hh": "a"}}, "there is no value called 'block.1.hh'; did you mean: "),
        ({"input_names": {"y": "a"}}, "there is no input called 'y'; there are: x, c"),
        ({"node_names": {"third*": "a"}}, "there is no node called 'third*'"),
        (
            {"names": {"x": "c"}},
            "value 'x' cannot be called 'c': another value has that name; rename that one too, or "
            "choose another",
        ),
        (
            {"names": {"block.*.h": "h"}},
            "values 'block.1.h' and 'block.2.h' would both be called 'h'",
        ),
        ({"node_names": {"*": "n"}}, "nodes 'first' and 'second' would both be called 'n'"),
        (
            {"names": {"*.*.h": "*_h"}},
            "*.*.h=*_h: the new name has 1 * and the old one 2; write as many, or none, or --regex",
        ),
        (
            {"names": {"block.1.*": "a*", "*.1.h": "b*"}},
            "value 'block.1.h' would be called both 'ah' and 'bblock'; make the patterns narrower",
        ),
        ({"names": {"x": ""}}, "value 'x' would be left without a name by x="),
        ({"names": {"(": "a"}, "regex": True}, "(=a is no regex and its replacement: "),
        ({"names": {"x": r"\3"}, "regex": True}, r"x=\3 is no regex and its replacement: "),
        ({"names": {"q": "a"}, "regex": True}, "no value matches the regex 'q'"),
        ({}, "say what to rename, such as encoder.*=enc_*"),
    ],
)
def test_what_cannot_be(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.rename(net(), **asked)


def test_an_input_that_is_an_output_has_one_name() -> None:
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[2] x) => (float[2] x) { }'
    given = pot.from_proto(onnx.parser.parse_model(text))
    made = pot.rename(given, input_names={"x": "a"}).model
    assert [one.name for one in (*made.graph.inputs, *made.graph.outputs)] == ["a", "a"]
    with pytest.raises(UsageError, match="cannot be called both 'a' and 'b'"):
        pot.rename(given, input_names={"x": "a"}, output_names={"x": "b"})


def branching() -> onnx.ModelProto:
    """Both branches read `h` of the graph around, and make a value of the same name."""
    bodies = {}
    for branch, op in (("then_branch", "Neg"), ("else_branch", "Exp")):
        made = helper.make_tensor_value_info("inner", TensorProto.FLOAT, [2])
        node = helper.make_node(op, ["h"], ["inner"], name=f"in_{branch}")
        bodies[branch] = helper.make_graph([node], branch, [], [made])
    nodes = [
        helper.make_node("Relu", ["x"], ["h"]),
        helper.make_node("If", ["go"], ["y"], **bodies),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [2]),
        helper.make_tensor_value_info("go", TensorProto.BOOL, []),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_bodies_follow_and_are_renamed() -> None:
    given = pot.from_proto(branching())
    made = pot.rename(given, {"h": "inner", "inner": "h"}, node_names={"in_*": "n_*"})
    proto = pot.to_proto(made.model)
    onnx.checker.check_model(proto, full_check=True)
    body = made.model.graph.nodes[1].subgraphs[0].nodes[0]
    assert (body.input_names, body.output_names, body.name) == (["inner"], ["h"], "n_else_branch")
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.array([-1, 2], np.float32)
    assert session.run(None, {"x": x, "go": np.array(True)})[0].tolist() == [0, -2]
    assert ("values of bodies renamed", 1) in [(c.rule, c.count) for c in made.report.changes]


FUNCTION = """
<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
g (float[2] x) => (float[2] y) { y = own.twice (x) }
<domain: "own", opset_import: ["" : 17]>
twice ("a.in") => (b) { "two.0" = Constant <value = float {2}> () b = Mul ("a.in", "two.0") }
"""


def test_functions_have_names_of_their_own() -> None:
    given = pot.from_proto(onnx.parser.parse_model(FUNCTION))
    made = pot.rename(given, {"two.*": "c*"}).model
    assert made.functions[0].graph.nodes[1].input_names == ["a.in", "c0"]
    sane = pot.rename(given, plain=True)
    onnx.checker.check_model(pot.to_proto(sane.model), full_check=True)
    assert [value.name for value in sane.model.functions[0].graph.inputs] == ["a_in"]
    assert [value.name for value in sane.model.graph.inputs] == ["x"]


def test_weights_that_are_inputs_too() -> None:
    proto = onnx.parser.parse_model(NET)
    proto.ir_version = 3
    proto.graph.input.append(helper.make_tensor_value_info("block.1.w", TensorProto.FLOAT, [3]))
    made = pot.rename(pot.from_proto(proto), input_names={"block.1.w": "w"}).model
    assert [value.name for value in made.graph.inputs] == ["x", "c", "w"]
    assert "w" in [tensor.name for tensor in made.graph.initializers]


TWO = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[3] x, float[3] c) => (float[3] y, float[3] z) { y = Sub (x, c)  z = Mul (y, c) }
"""


@pytest.mark.parametrize(
    "asked", [{"x": "a"}, {"x": "c", "c": "x"}, {"z": "last", "c": "x", "x": "b"}]
)
def test_diff_is_told_what_inputs_and_outputs_are_called(asked: dict[str, str]) -> None:
    given = pot.from_proto(onnx.parser.parse_model(TWO))
    made = pot.rename(given, asked)
    found = pot.diff(given, made.model, value_map=made.report)
    assert found.verdict == "same"
    assert {(row.reference_value, row.value) for row in found.outputs} == {
        (name, asked.get(name, name)) for name in "yz"
    }
    back = {new: old for old, new in asked.items()}
    assert pot.diff(made.model, given, value_map=back).verdict == "same"
