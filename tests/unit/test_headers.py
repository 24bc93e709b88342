"""What models, graphs, functions, nodes and values say of themselves; the order of ports."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import UsageError

TEXT = """
<ir_version: 10, opset_import: ["": 18, "local": 1, "spare": 3], producer_name: "me",
 model_version: 4, doc_string: "old", metadata_props: ["k": "v", "other": "w"]>
main (float[2] x, float[2] z) => (float[2] y, float[2] s)
{
  h = local.twice (x)
  y = Add (h, z)
  s = Sub (h, z)
}
<opset_import: ["": 18, "spare": 1], domain: "local">
twice (a) => (b) { b = Add (a, a) }
"""


@pytest.fixture
def model() -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(TEXT))


def test_texts_of_a_model(model: pot.Model) -> None:
    model.set_producer_name("you")
    model.set_producer_version("2.1")
    model.set_domain("org.here")
    model.set_model_version(5)
    model.set_doc_string("new")
    proto = pot.to_proto(model)
    assert (proto.producer_name, proto.producer_version) == ("you", "2.1")
    assert (proto.domain, proto.model_version, proto.doc_string) == ("org.here", 5, "new")


def test_an_empty_text_takes_the_field_away(model: pot.Model) -> None:
    model.set_producer_name("")
    model.set_doc_string("")
    model.set_model_version(None)
    proto = pot.to_proto(model)
    for field in ("producer_name", "doc_string", "model_version"):
        assert not proto.HasField(field)


def test_entries_of_metadata_keep_their_places(model: pot.Model) -> None:
    model.set_metadata("third", "3")
    model.set_metadata("k", "new")
    assert list(model.metadata.items()) == [("k", "new"), ("other", "w"), ("third", "3")]
    model.remove_metadata("other")
    model.remove_metadata("never there")
    assert {one.key: one.value for one in pot.to_proto(model).metadata_props} == {
        "k": "new",
        "third": "3",
    }


def test_imports_go(model: pot.Model) -> None:
    model.remove_opset_import("spare")
    model.functions[0].remove_opset_import("spare")
    proto = pot.to_proto(model)
    assert [one.domain for one in proto.opset_import] == ["", "local"]
    assert [one.domain for one in proto.functions[0].opset_import] == [""]


def test_graphs_functions_and_nodes(model: pot.Model) -> None:
    graph, function, node = model.graph, model.functions[0], model.graph.nodes[1]
    for one in (graph, function, node):
        one.set_doc_string("told")
        one.set_metadata("key", "value")
        one.set_metadata("gone", "value")
        one.remove_metadata("gone")
        assert (one.doc_string, one.metadata) == ("told", {"key": "value"})
    graph.set_name("net")
    node.set_name("sum")
    proto = pot.to_proto(model)
    for told in (proto.graph, proto.functions[0], proto.graph.node[1]):
        assert told.doc_string == "told"
        assert [(one.key, one.value) for one in told.metadata_props] == [("key", "value")]
    assert (proto.graph.name, proto.graph.node[1].name) == ("net", "sum")
    onnx.checker.check_model(proto)


def test_values_have_doc_strings(model: pot.Model) -> None:
    model.graph.set_value_doc_string("x", "an image")
    assert model.graph.value("x").doc_string == "an image"
    assert pot.to_proto(model).graph.input[0].doc_string == "an image"
    model.graph.set_value_doc_string("h", "no type is declared: nowhere to write it")
    assert model.graph.value("h").doc_string == ""


def test_ports_in_another_order_keep_what_they_are(model: pot.Model) -> None:
    model.graph.order_inputs(["z", "x"])
    model.graph.order_outputs(["s", "y"])
    proto = pot.to_proto(model)
    assert [one.name for one in proto.graph.input] == ["z", "x"]
    assert [one.name for one in proto.graph.output] == ["s", "y"]
    assert model.graph.value("y").is_output
    onnx.checker.check_model(proto, full_check=True)


@pytest.mark.parametrize("names", [["x"], ["x", "x"], ["x", "z", "x"], ["x", "h"]])
def test_an_order_that_is_none(model: pot.Model, names: list[str]) -> None:
    told = "the new order of inputs has to name each of the 2 once"
    with pytest.raises(UsageError, match=told):
        model.graph.order_inputs(names)
    assert [value.name for value in model.graph.inputs] == ["x", "z"]


def test_a_type_of_any_kind_is_carried_over(model: pot.Model) -> None:
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (seq(float[2]) items) => (seq(float[2]) same) { same = Identity (items) }
    """
    other = pot.from_proto(onnx.parser.parse_model(text))
    model.graph.declare_like("h", other.graph.value("items"))
    assert model.graph.value("h").type_text == "sequence(float32[2])"


def test_a_function_of_another_model_is_adopted(model: pot.Model) -> None:
    target = model.copy()
    made = target.adopt_function(model.functions[0], "thrice", "mine")
    assert [(one.domain, one.name) for one in target.functions] == [
        ("local", "twice"),
        ("mine", "thrice"),
    ]
    made.graph.nodes[0].set_op_type("Mul")
    assert model.functions[0].graph.nodes[0].op_type == "Add"
    assert pot.to_proto(target).functions[1].node[0].op_type == "Mul"
    with pytest.raises(UsageError, match="has a function 'local::twice' already"):
        target.adopt_function(model.functions[0])


@pytest.mark.parametrize(
    "edit",
    [
        lambda m: m.set_domain("d"),
        lambda m: m.graph.set_name("n"),
        lambda m: m.functions[0].set_doc_string("d"),
        lambda m: m.graph.nodes[0].set_name("n"),
        lambda m: m.graph.order_inputs(["z", "x"]),
    ],
)
def test_a_copy_of_it_is_edited_alone(model: pot.Model, edit: Callable[[pot.Model], None]) -> None:
    before = model.to_bytes()
    copy = model.copy()
    edit(copy)
    assert model.to_bytes() == before
    assert copy.to_bytes() != before
