"""Edits from Python: attributes, operands, nodes of other graphs, constants, declared types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool import Graph
from pyonnxtool.errors import ModelError

BODIES = """
<ir_version: 8, opset_import: ["" : 17]>
g (bool c, float[2] x) => (float[2] y) {
   z = Relu (x)
   y = If (c) <
      then_branch = t () => (float[2] a) { a = Neg (z) },
      else_branch = e () => (float[2] b) { b = Identity (z) }
   >
}
"""
PLAIN = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x, float[2,3] w) => (float[2,3] y) {
   h = Softmax <axis = 1> (x)
   y = Add (h, w)
}
"""


def model(text: str) -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(text))


def printed(edited: pot.Model) -> str:
    proto = pot.to_proto(edited)
    onnx.checker.check_model(proto, full_check=True)
    return onnx.printer.to_text(proto)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (3, onnx.AttributeProto.INT),
        (0.5, onnx.AttributeProto.FLOAT),
        ("SAME_UPPER", onnx.AttributeProto.STRING),
        (b"\xff", onnx.AttributeProto.STRING),
        ([1, 2], onnx.AttributeProto.INTS),
        ([], onnx.AttributeProto.INTS),
        ([1.0, 2.5], onnx.AttributeProto.FLOATS),
        (["a", "b"], onnx.AttributeProto.STRINGS),
    ],
)
def test_an_attribute_has_the_type_of_its_value(value: Any, kind: int) -> None:
    edited = model(PLAIN)
    edited.graph.nodes[0].set_attribute("it", value)
    found = {a.name: a for a in pot.to_proto(edited).graph.node[0].attribute}["it"]
    assert found.type == kind
    got = helper.get_attribute_value(found)
    assert got == (value.encode() if isinstance(value, str) else value) or list(got) == [
        one.encode() for one in value
    ]


def test_a_tensor_is_an_attribute_and_an_initializer() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    graph = helper.make_graph([], "g", [], [], [numpy_helper.from_array(array, "t")])
    tensor = pot.from_proto(helper.make_model(graph)).graph.initializers[0]
    edited = model(PLAIN)
    edited.graph.set_initializer(tensor, "bias")
    edited.graph.nodes[1].set_inputs(["h", "bias"])
    edited.graph.remove_input("w")
    assert "y = Add (h, bias)" in printed(edited)
    found = edited.graph.value("bias").initializer
    assert found is not None
    np.testing.assert_array_equal(found.numpy(), array)


def test_an_attribute_goes_and_the_operator_is_another_one() -> None:
    edited = model(PLAIN)
    node = edited.graph.nodes[0]
    node.remove_attribute("axis")
    node.set_op_type("Hardmax")
    assert "h = Hardmax (x)" in printed(edited)


def test_a_node_is_adopted_before_another_under_other_names() -> None:
    edited, source = model(PLAIN), model(BODIES)
    before = edited.graph.nodes[1]
    made = edited.graph.adopt(source.graph.nodes[0], {"x": "h", "z": "r"}, before)
    before.set_inputs(["r", "w"])
    assert [node.op_type for node in edited.graph.nodes] == ["Softmax", "Relu", "Add"]
    assert made.input_names == ["h"]
    assert "y = Add (r, w)" in printed(edited)


def test_a_body_comes_along_and_reads_by_the_new_name() -> None:
    source = model(BODIES)
    edited = model(BODIES)
    edited.graph.adopt(source.graph.nodes[1], {"z": "x", "y": "other"})
    bodies = edited.graph.nodes[2].subgraphs
    assert [node.input_names for body in bodies for node in body.nodes] == [["x"], ["x"]]


def test_alone_is_a_copy_of_one_node() -> None:
    source = model(BODIES)
    single = source.graph.nodes[1].alone()
    assert [node.op_type for node in single.graph.nodes] == ["If"]
    assert single.opset_imports == {"": 17}
    single.graph.nodes[0].set_op_type("Other")
    assert source.graph.nodes[1].op_type == "If"


def test_imports_and_ir_version() -> None:
    edited = model(PLAIN)
    edited.set_opset_import("", 16)
    edited.set_opset_import("vendor", 2)
    edited.set_ir_version(7)
    proto = pot.to_proto(edited)
    assert {one.domain: one.version for one in proto.opset_import} == {"": 16, "vendor": 2}
    assert proto.ir_version == 7


def test_declared_types() -> None:
    edited = model(PLAIN)
    edited.graph.declare("h", "float32", [2, "n"])
    assert edited.graph.value("h").shape == (2, "n")
    edited.graph.declare("h", None)
    assert edited.graph.value("h").shape is None
    edited.graph.add_input("k", "int64", [None])
    assert edited.graph.value("k").type_text == "int64[?]"


def test_what_is_defined_here_and_a_name_that_is_free() -> None:
    graph = model(BODIES).graph
    body = graph.nodes[1].subgraphs[0]
    assert graph.defines("z")
    assert not body.defines("z")
    assert not graph.defines("nothing")
    assert graph.fresh_name("z") == "z_1"
    assert graph.fresh_name("a") != "a"  # a body has it


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda g: g.declare("x", "float33"), "no dtype is called 'float33'"),
        (lambda g: g.declare("none", "float32"), "no value called 'none'"),
        (lambda g: g.remove_initializer("none"), "no value called 'none'"),
        (
            lambda g: g.adopt(g.nodes[0], {}, model(PLAIN).graph.nodes[0]),
            "the node is of another graph",
        ),
    ],
)
def test_an_edit_that_cannot_be(edit: Callable[[Graph], None], message: str) -> None:
    edited = model(PLAIN)
    with pytest.raises(ModelError, match=message):
        edit(edited.graph)


def test_readers_in_a_body_read_a_value_from_around_it() -> None:
    edited = model(BODIES)
    body = edited.graph.nodes[1].subgraphs[0]
    body.adopt(edited.graph.nodes[0], {"z": "r"}, body.nodes[0])
    body.nodes[1].set_inputs(["r"])
    body.replace_uses("r", "x")
    assert body.nodes[1].input_names == ["x"]


def test_a_function_has_imports_of_its_own() -> None:
    text = """
    <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
    g (float[2] x) => (float[2] y) { y = local.twice (x) }
    <opset_import: ["" : 17], domain: "local">
    twice (a) => (b) { b = Add (a, a) }
    """
    edited = model(text)
    edited.functions[0].set_opset_import("", 14)
    assert pot.to_proto(edited).functions[0].opset_import[0].version == 14
    edited.remove_function(edited.functions[0])
    assert not edited.functions
