"""Scripts build graphs: nodes on values and arrays, parts on an edge, nodes taken off it."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool import Graph
from pyonnxtool.errors import ModelError, PyonnxtoolError, UsageError
from support.graph_texts import BRANCH, CHAIN

HALVES = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
g (float16[4] x) => (float16[4] y) { y = local.twice (x) }
<opset_import: ["" : 17], domain: "local">
twice (a) => (b) { b = Add (a, a) }
"""


def model(text: str = CHAIN) -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(text))


def lines(graph: Graph) -> list[str]:
    return [node.text() for node in graph.nodes]


def checked(edited: pot.Model) -> None:
    assert edited.graph.verify() == []
    onnx.checker.check_model(pot.to_proto(edited), full_check=True)


def test_a_node_takes_values_numbers_and_arrays() -> None:
    edited = model()
    graph = edited.graph
    made = graph.op("Clip", graph.op("Add", graph.value("h"), [1.0, 2.0, 3.0]), None, 2.5)
    graph.node("exp").set_inputs([made])
    checked(edited)
    assert lines(graph)[:4] == [
        "h = Relu(x)",
        "Add = Add(h, Add_constant)",
        "Clip = Clip(Add, -, Clip_constant)",
        "e = Exp(Clip)",
    ]
    limit = graph.value("Clip_constant").initializer
    assert limit is not None
    assert (limit.dtype, limit.shape) == ("float32", ())


def test_nodes_are_called_as_no_other_node_is() -> None:
    edited = model()
    graph = edited.graph
    graph.node("exp").set_name("Abs")
    made = graph.op("Abs", "x")
    assert (made.name, made.producer.name) == ("Abs_new", "Abs_new")


def test_of_one_input_that_is_a_constant_that_one_passes() -> None:
    graph = model().graph
    handed = graph.op("Identity", graph.constant([1.0], "k"))
    graph.node("exp").set_inputs([handed])
    assert handed.producer.bypass().name == "k"
    assert lines(graph)[1] == "e = Exp(k)"


def test_a_node_has_attributes_outputs_and_a_place() -> None:
    edited = model()
    graph = edited.graph
    first, second = graph.op("Split", "h", [1, 2], outputs=["a", "b"], axis=1, name="halves")
    graph.op("Concat", second, first, axis=1, before=graph.node("exp"), domain="")
    left, right = graph.op("Split", first, outputs=2, axis=0)
    assert (first.name, left.name, right.name) == ("a", "Split", "Split_1")
    assert [node.op_type for node in graph.nodes] == [
        *("Relu", "Split", "Split", "Concat", "Exp", "Neg"),
    ]
    assert graph.node("halves").attributes == {"axis": 1}
    checked(edited)


def test_a_float_is_of_the_dtype_beside_it() -> None:
    edited = model(HALVES)
    graph = edited.graph
    scaled = graph.op("Mul", "x", 0.5)
    graph.nodes[1].set_inputs([scaled])
    checked(edited)
    body = edited.functions[0].graph  # has no initializers: a Constant node it is
    body.constant([1.0, 2.0], "pair", "float16")
    assert [node.op_type for node in body.nodes] == ["Constant", "Add"]


def test_a_dtype_may_be_given_by_its_name() -> None:
    edited = model()
    graph = edited.graph
    half = graph.op("Cast", "h", to="float16")
    graph.op("Cast", half, to="float32", outputs=["back"]).producer.set_attribute("to", "double")
    assert [node.attributes.get("to") for node in graph.nodes[1:3]] == [10, "double"]
    graph.value("back").producer.set_attribute("to", "float64")  # type: ignore[union-attr]
    graph.op("EyeLike", "x", dtype="int8")
    assert graph.op("Own", "x", domain="vendor", to="int8").producer.attributes == {"to": "int8"}
    graph.model.set_opset_import("vendor", 1)
    checked(edited)


def test_tensors_are_constants_too() -> None:
    graph = model().graph
    given = np.arange(3, dtype=np.float32)
    given.flags.writeable = False
    tensor = pot.Tensor(given, "t")
    made = graph.constant(tensor, "k").initializer
    assert made is not None
    assert (made.name, made.dtype) == ("k", "float32")
    assert np.shares_memory(made.numpy(), given)
    as_half = graph.constant(tensor, "h16", "float16").initializer
    assert as_half is not None
    assert as_half.numpy().tolist() == [0, 1, 2]
    assert graph.op("Add", "x", tensor).producer.inputs[1].initializer is not None


def test_constants_come_under_free_names() -> None:
    graph = model().graph
    first, second = graph.constant(1.0, "k"), graph.constant(np.int8(2), "k")
    assert [(one.name, one.dtype) for one in (first, second)] == [("k", "float32"), ("k_1", "int8")]


def test_a_part_is_put_on_an_edge() -> None:
    edited = model()
    graph = edited.graph
    made = graph.insert_after("h", lambda v: graph.op("Mul", graph.op("Tanh", v), v))
    assert made.consumers == [graph.node("exp")]
    assert [node.op_type for node in graph.value("h").consumers] == ["Tanh", "Mul"]
    checked(edited)


def test_an_output_keeps_its_name_and_its_place() -> None:
    edited = model()
    graph = edited.graph
    graph.add_output("e")
    graph.declare("e", "float32", ["n", 3])
    graph.insert_after("y", lambda v: graph.op("Sigmoid", v))
    assert [value.name for value in graph.outputs] == ["y", "e"]
    assert lines(graph)[-2:] == ["y_before = Neg(e)", "y = Sigmoid(y_before)"]
    checked(edited)


def test_an_input_keeps_its_name() -> None:
    edited = model()
    graph = edited.graph
    graph.insert_after("x", lambda v: graph.op("Sub", v, 0.5))
    assert [value.name for value in graph.inputs] == ["x"]
    assert lines(graph)[:2] == ["Sub = Sub(x, Sub_constant)", "h = Relu(Sub)"]
    checked(edited)


def test_bodies_read_what_was_put_in() -> None:
    edited = model(BRANCH)
    graph = edited.graph
    graph.insert_after("z", lambda v: graph.op("Exp", v))
    bodies = graph.nodes[2].subgraphs
    assert [node.input_names for body in bodies for node in body.nodes] == [["Exp"], ["Exp"]]
    checked(edited)


def test_a_part_may_read_the_value_in_a_body() -> None:
    edited = model(BRANCH)
    graph = edited.graph
    body = graph.nodes[1]

    def build(value: pot.Value) -> pot.Value:
        copy = graph.adopt(body, {"y": "inner"})
        made: pot.Value = graph.op("Add", value, graph.value(copy.output_names[0]))
        return made

    graph.insert_after("z", build)
    reads = [[n.input_names for b in node.subgraphs for n in b.nodes] for node in graph.nodes]
    graph.sort()
    assert reads == [[], [["Add"], ["Add"]], [["z"], ["z"]], []]
    checked(edited)


def test_only_some_readers_and_their_bodies() -> None:
    edited = model(BRANCH)
    graph = edited.graph
    graph.op("Abs", "z", outputs=["other"])
    graph.insert_after("z", lambda v: graph.op("Exp", v), readers=[graph.nodes[2]])
    assert [n.input_names for b in graph.nodes[-1].subgraphs for n in b.nodes] == [["Exp"]] * 2
    assert graph.value("other").producer.input_names == ["z"]  # type: ignore[union-attr]
    checked(edited)


def test_a_part_that_needs_a_reader_is_refused() -> None:
    graph = model().graph
    told = "node 'exp' (Exp) reads 'h' to make 'Add', so it cannot read that instead"
    with pytest.raises(ModelError, match=re.escape(told)):
        graph.insert_after("h", lambda v: graph.op("Add", v, "y"))


def test_only_some_readers() -> None:
    edited = model()
    graph = edited.graph
    graph.op("Abs", "h", outputs=["other"])
    graph.insert_after("h", lambda v: graph.op("Tanh", v), readers=[graph.node("exp")])
    assert graph.node("exp").input_names == ["Tanh"]
    assert graph.value("other").producer.input_names == ["h"]  # type: ignore[union-attr]


def test_a_node_is_taken_off() -> None:
    edited = model()
    assert edited.graph.node("exp").bypass().name == "h"
    assert lines(edited.graph) == ["h = Relu(x)", "y = Neg(h)"]
    checked(edited)


def test_the_last_node_is_taken_off_and_the_output_keeps_its_name() -> None:
    edited = model()
    assert edited.graph.nodes[2].bypass().name == "y"
    assert lines(edited.graph) == ["h = Relu(x)", "y = Exp(h)"]
    checked(edited)


def test_all_nodes_are_taken_off() -> None:
    edited = model()
    for node in edited.graph.nodes:
        node.bypass()
    assert lines(edited.graph) == ["y = Identity(x)"]
    checked(edited)


def test_constant_inputs_do_not_pass() -> None:
    edited = model()
    graph = edited.graph
    scaled = graph.insert_after("h", lambda v: graph.op("Mul", 2.0, v))
    assert scaled.producer is not None
    assert scaled.producer.bypass().name == "h"
    assert edited.prune() == {"removed unused weights": 1}
    checked(edited)


def test_going_through_nodes_skips_those_that_are_gone() -> None:
    graph = model().graph
    nodes = graph.nodes
    seen = []
    for node in nodes:
        seen.append(node.op_type)
        if node.op_type == "Relu":
            graph.node("exp").bypass()
    assert seen == ["Relu", "Neg"]
    assert [node.op_type for node in nodes] == ["Relu", "Neg"]
    assert len(nodes) == 3
    with pytest.raises(ModelError, match="this node is gone"):
        _ = nodes[1].op_type


def test_values_stand_for_their_names() -> None:
    edited = model()
    graph = edited.graph
    graph.add_output(graph.value("e"))
    graph.declare(graph.value("e"), "float32", ["n", 3])
    graph.rename_value(graph.value("h"), "hidden")
    graph.replace_uses(graph.value("hidden"), graph.value("x"))
    assert edited.prune() == {"removed unused nodes": 1}
    checked(edited)


EDITS: list[tuple[Callable[[Graph], object], type[PyonnxtoolError], str]] = [
    (
        lambda g: g.add_node("Abs", ["lost"], ["k"]),
        ModelError,
        "nothing makes a value called 'lost'; add what makes it first",
    ),
    (
        lambda g: g.add_node("Abs", ["x"], ["e"]),
        ModelError,
        "'e' is made by node 'exp' (Exp) already",
    ),
    (
        lambda g: g.add_node("Abs", ["x"], ["x"]),
        ModelError,
        "'x' is an input of the graph; a node cannot make it",
    ),
    (
        lambda g: g.add_node("Split", ["x"], ["a", "a"]),
        ModelError,
        "a node cannot make 'a' twice",
    ),
    (
        lambda g: g.nodes[0].set_inputs(["y"]),
        ModelError,
        "Relu node that makes 'h' cannot read 'y', which is made of what it makes: the graph would "
        "have a cycle",
    ),
    (
        lambda g: g.node("exp").set_outputs(["h"]),
        ModelError,
        "'h' is made by Relu node that makes 'h' already",
    ),
    (
        lambda g: g.replace_uses("h", g.op("Tanh", "h", name="t")),
        ModelError,
        "node 't' (Tanh) reads 'h' to make 't', so it cannot read that instead; insert_after "
        "redirects the other readers only",
    ),
    (lambda g: g.add_input("e"), ModelError, "'e' is made by node 'exp' (Exp) already"),
    (lambda g: g.add_input("x"), ModelError, "'x' is an input already"),
    (lambda g: g.add_output("y"), ModelError, "'y' is an output already"),
    (lambda g: g.add_output("lost"), ModelError, "nothing makes a value called 'lost'"),
    (
        lambda g: g.set_initializer(np.ones(3, np.float32), "e"),
        ModelError,
        "'e' is made by node 'exp' (Exp) already",
    ),
    (
        lambda g: g.set_initializer(np.ones(3)),
        UsageError,
        "an initializer needs a name: give one",
    ),
    (
        lambda g: g.op("Cast", "x", to=object()),
        UsageError,
        "attribute to of Cast is of type object; it can be a number, text, an array, or a list of",
    ),
    (
        lambda g: g.op("Add", "x", object()),
        UsageError,
        "a tensor holds numbers or text, not <class 'object'>",
    ),
    (lambda g: g.op("Add", "x", outputs=0), UsageError, "a node has at least one output"),
    (lambda g: g.node("none"), ModelError, "this graph has no node called 'none'"),
    (
        lambda g: g.insert_after("h", lambda _: None),  # type: ignore[arg-type, return-value]
        UsageError,
        "the function that builds what is inserted has to return the value that readers get",
    ),
    (
        lambda g: g.insert_after("h", lambda v: g.op("Abs", v), readers=[g.nodes[-1]]),
        ModelError,
        "Neg node that makes 'y' does not read 'h'",
    ),
    (
        lambda g: g.insert_after("y", lambda _: "x"),
        ModelError,
        "'y' is an output, and 'x' cannot take its name; build a node of its own for it",
    ),
    (
        lambda g: g.op("Add", "h", "e", name="sum").producer.bypass(),
        ModelError,
        "node 'sum' (Add) has several inputs that could pass: 'h', 'e'; say which, by its number",
    ),
    (
        lambda g: g.op("Add", 1.0, 2.0, name="sum").producer.bypass(),
        ModelError,
        "node 'sum' (Add) has no input that could pass",
    ),
    (lambda g: g.node("exp").bypass(3), ModelError, "node 'exp' (Exp) has no input 3"),
]


@pytest.mark.parametrize(("edit", "kind", "told"), EDITS)
def test_an_edit_that_is_refused_leaves_the_graph_whole(
    edit: Callable[[Graph], object], kind: type[PyonnxtoolError], told: str
) -> None:
    edited = model()
    with pytest.raises(kind, match=re.escape(told)):
        edit(edited.graph)
    assert edited.verify() == []


def test_a_second_output_that_is_read_has_no_stand_in() -> None:
    graph = model().graph
    _, indices = graph.op("TopK", "h", [1], outputs=["values", "indices"], name="top")
    graph.op("Abs", indices)
    told = "node 'top' (TopK) makes 'indices' too, which is read, and no input stands for it"
    with pytest.raises(ModelError, match=re.escape(told)):
        graph.node("top").bypass()
