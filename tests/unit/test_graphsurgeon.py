"""A model goes through onnx-graphsurgeon: what a script does is done, and the rest is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest
from onnx import helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool.errors import UsageError
from pyonnxtool.rewriting.graphs import graphs_under
from support.through_graphsurgeon import CONTROL, PLAIN, model_of, same, through


def graphs_of(model: pot.Model) -> Iterator[pot.Graph]:
    for holder in (model, *model.functions):
        yield from graphs_under(holder.graph)


FUNCTIONS = """
<ir_version: 8, opset_import: ["" : 17, "my" : 1]>
g (float[n,3] x) => (float[n,3] y) {
   h = my.twice <alpha = 0.5> (x)
   y = my.twice <alpha = 0.25> (h)
}
<domain: "my", opset_import: ["" : 17]>
twice <alpha> (a) => (b) {
   one = Constant <value = float {1.0}> ()
   l = LeakyRelu <alpha: float = @alpha> (a)
   b = Add (l, one)
}
"""

SEQUENCES = """
<ir_version: 8, opset_import: ["" : 17]>
g (seq(float[n]) s, optional(float[n]) o) => (seq(float[n]) r, float[n] y) {
   y = OptionalGetElement (o)
   r = SequenceInsert (s, y)
}
"""


@pytest.mark.parametrize("text", [PLAIN, CONTROL, FUNCTIONS, SEQUENCES])
def test_what_is_not_touched_is_as_it_was(text: str) -> None:
    given = pot.from_proto(documented(model_of(text)))
    made = pot.edit(given, same).model
    for ours, theirs in zip(graphs_of(given), graphs_of(made), strict=True):
        assert [node.text() for node in ours.nodes] == [node.text() for node in theirs.nodes]
        assert [one.type_text for one in ours.inputs] == [one.type_text for one in theirs.inputs]
        assert [one.type_text for one in ours.outputs] == [one.type_text for one in theirs.outputs]
        assert [one.name for one in ours.initializers] == [one.name for one in theirs.initializers]
        assert [node.doc_string for node in ours.nodes] == [
            node.doc_string for node in theirs.nodes
        ]
        assert [node.metadata for node in ours.nodes] == [node.metadata for node in theirs.nodes]
    assert made.metadata == given.metadata
    assert made.doc_string == given.doc_string
    assert made.model_version == given.model_version


def documented(proto: onnx.ModelProto) -> onnx.ModelProto:
    proto.doc_string, proto.model_version = "about it", 7
    proto.metadata_props.add(key="trained", value="yes")
    for node in proto.graph.node:
        node.doc_string = f"makes {node.output[0]}"
        node.metadata_props.add(key="from", value="here")
    return proto


def test_a_script_edits_the_graph_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def edit(graph: gs.Graph) -> None:
        relu = next(node for node in graph.nodes if node.op == "Relu")
        relu.op, relu.name = "Abs", "first"
        graph.outputs = [*graph.outputs, relu.outputs[0]]
        relu.outputs[0].dtype = np.float32

    made = through(model_of(PLAIN), edit)
    assert [node.op_type for node in made.graph.node] == ["Abs", "Mul"]
    assert [one.name for one in made.graph.output] == ["y", "h"]
    onnx.checker.check_model(made)
    assert capsys.readouterr().out == ""


def test_another_graph_may_be_returned() -> None:
    def edit(graph: gs.Graph) -> gs.Graph:
        x = gs.Variable("x", np.float32, ("n", 3))
        y = gs.Variable("y", np.float32, ("n", 3))
        return gs.Graph([gs.Node("Neg", inputs=[x], outputs=[y])], [x], [y], opset=17)

    assert [node.op_type for node in through(model_of(PLAIN), edit).graph.node] == ["Neg"]


def test_constants_of_branches_stay_around_them() -> None:
    made = through(model_of(CONTROL))
    assert [one.name for one in made.graph.initializer] == ["w"]
    bodies = {one.name: one.g for one in made.graph.node[0].attribute}
    assert [one.name for one in bodies["else_branch"].initializer] == ["v"]
    assert not bodies["then_branch"].initializer


def test_bodies_and_functions_are_edited() -> None:
    def in_body(graph: gs.Graph) -> None:
        body = graph.nodes[0].attrs["then_branch"]
        body.nodes[0].op = "Mul"

    made = through(model_of(CONTROL), in_body)
    assert {one.name: one.g.node[0].op_type for one in made.graph.node[0].attribute} == {
        "then_branch": "Mul",
        "else_branch": "Mul",
    }

    def in_function(graph: gs.Graph) -> None:
        graph.functions[0].nodes[-1].op = "Sub"

    made = through(model_of(FUNCTIONS), in_function)
    assert [node.op_type for node in made.functions[0].node] == ["Constant", "LeakyRelu", "Sub"]
    assert made.functions[0].node[1].attribute[0].ref_attr_name == "alpha"


def test_constants_are_folded() -> None:
    text = PLAIN.replace("h = Relu (x)", "h = Relu (x) u = Neg (w)").replace("(h, w)", "(h, u)")

    def fold(graph: gs.Graph) -> gs.Graph:
        return graph.fold_constants().cleanup()

    made = through(model_of(text), fold, verify=1)
    assert [node.op_type for node in made.graph.node] == ["Relu", "Mul"]
    assert numpy_helper.to_array(made.graph.initializer[0]).tolist() == [-1, -2, -3]


def test_inputs_in_the_middle_have_the_type_that_was_there() -> None:
    def cut(graph: gs.Graph) -> None:
        h = graph.nodes[1].inputs[0]
        h.inputs.clear()
        h.dtype = np.float32
        graph.inputs = [h]
        graph.cleanup()

    given = model_of(PLAIN)
    del given.graph.value_info[:]
    made = through(given, cut)
    assert made.graph.input[0] == helper.make_tensor_value_info("h", 1, ["n", 3])


def test_attributes_that_graphsurgeon_does_not_write() -> None:
    proto = model_of(PLAIN)
    proto.graph.node[0].domain = "my"
    proto.opset_import.add(domain="my", version=1)
    attributes = proto.graph.node[0].attribute
    attributes.append(helper.make_attribute("axes", [], attr_type=onnx.AttributeProto.INTS))
    attributes.append(helper.make_attribute("key", b"\xff\xfe"))
    attributes.append(helper.make_attribute("kind", helper.make_tensor_type_proto(1, [2])))
    attributes.append(helper.make_attribute("alpha", 0.1))
    made = {one.name: one for one in through(proto).graph.node[0].attribute}
    assert made == {one.name: one for one in attributes}


def untyped(graph: gs.Graph) -> None:
    graph.outputs = [graph.nodes[0].outputs[0], gs.Variable("nowhere")]


def two_of_a_name(graph: gs.Graph) -> None:
    graph.nodes[0].outputs[0].name = "x"


def returns_text(graph: gs.Graph) -> str:
    return "done"


def odd_attribute(graph: gs.Graph) -> None:
    graph.nodes[0].attrs["x"] = object()


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (returns_text, "returns_text returned a str; return nothing, and change the graph"),
        (odd_attribute, "what odd_attribute leaves cannot be written"),
    ],
)
def test_what_cannot_be_written_is_told(edit: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        pot.edit(model_of(PLAIN), edit)


@pytest.mark.parametrize(
    ("edit", "told"),
    [(untyped, "nowhere"), (two_of_a_name, "Relu node that makes 'x' needs its own output")],
)
def test_a_graph_that_does_not_hold_together_is_refused(edit: Any, told: str) -> None:
    with pytest.raises(pot.Refused, match=told):
        pot.edit(model_of(PLAIN), edit)


def test_what_graphsurgeon_cannot_read_is_told() -> None:
    proto = model_of(PLAIN)
    proto.graph.initializer.append(onnx.TensorProto(name="odd", data_type=99, dims=[0]))
    with pytest.raises(pot.ModelError, match="onnx-graphsurgeon cannot read the model: ValueError"):
        pot.edit(proto, same)
