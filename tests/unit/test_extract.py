"""A part of a model: between which values, with which types, and what it may not leave out."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool import _core
from pyonnxtool.errors import BackendError, UsageError
from support.parsed import parsed

NET = """
<ir_version: 8, opset_import: ["" : 17], metadata_props: ["who": "me"]>
g (float[n,3] x, float[n,3] mask) => (float[n,3] y, float[n,3] z)
<float[3] w = {1, 2, 3}, float[3] unread = {1, 2, 3}> {
   [first] h = Relu (x)
   m = Abs (mask)
   [second] e = Mul (h, w)
   p = Add (e, m)
   [last] y = Neg (p)
   z = Sqrt (m)
}
"""


def net() -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(NET))


def ports(model: pot.Model) -> list[tuple[str, str | None, Any]]:
    graph = model.graph
    return [(one.name, one.dtype, one.shape) for one in [*graph.inputs, *graph.outputs]]


def ops(model: pot.Model) -> list[str]:
    return [node.op_type for node in model.graph.nodes]


def test_from_values_to_values() -> None:
    given = net()
    made = pot.extract(given, inputs=["mask", "e"], outputs=["z", "p"], verify=2)
    assert ports(made.model) == [(name, "float32", ("n", 3)) for name in ("mask", "e", "z", "p")]
    assert ops(made.model) == ["Abs", "Add", "Sqrt"]
    assert not made.model.graph.initializers
    assert made.model.metadata == {"who": "me"}
    assert made.report.verification is not None
    assert made.report.verification.samples == 2
    assert [row.status for row in made.report.verification.outputs] == ["ok", "ok"]
    assert ports(given) == ports(net())


def test_without_inputs_they_are_those_that_are_needed() -> None:
    made = pot.extract(net(), outputs=["e"])
    assert [name for name, _, _ in ports(made.model)] == ["x", "e"]
    assert [tensor.name for tensor in made.model.graph.initializers] == ["w"]


def test_without_outputs_they_are_all_that_the_model_has() -> None:
    made = pot.extract(net(), inputs=["h", "mask"])
    assert [name for name, _, _ in ports(made.model)] == ["h", "mask", "y", "z"]


def test_globs_stand_for_what_is_read_and_for_what_follows() -> None:
    made = pot.extract(net(), inputs=["[em]"], outputs=["*"], verify=1)
    assert [name for name, _, _ in ports(made.model)] == ["m", "e", "p", "y", "z"]


def test_a_weight_becomes_an_input() -> None:
    made = pot.extract(net(), inputs=["h", "w"], outputs=["e"], verify=1)
    assert ports(made.model)[1] == ("w", "float32", (3,))
    assert not made.model.graph.initializers


def test_what_stays_is_as_it_was() -> None:
    proto = onnx.parser.parse_model(NET)
    kept, dropped = (helper.make_tensor_value_info(name, 1, ["k", 3]) for name in ("p", "h"))
    kept.doc_string = "sum"
    proto.graph.value_info.extend([kept, dropped])
    proto.graph.output[0].doc_string = "the end"
    proto.graph.node[4].metadata_props.add(key="from", value="here")
    made = pot.to_proto(pot.extract(pot.from_proto(proto), inputs=["e", "m"], outputs=["y"]).model)
    assert list(made.graph.node) == list(proto.graph.node[3:5])
    assert list(made.graph.value_info) == [kept]
    assert list(made.graph.output) == list(proto.graph.output[:1])


def test_bodies_keep_what_they_read() -> None:
    model = parsed(
        """
        g (bool c, float[2] x) => (float[2] y)
        <float[2] w = {1, 2}, float[2] v = {3, 4}, float[2] unread = {5, 6}> {
          a = Relu (x)
          b = Abs (a)
          y = If (c) <then_branch = t () => (float[2] t1) { t1 = Add (b, w) },
                      else_branch = e () => (float[2] e1) { e0 = Mul (a, v) e1 = Neg (e0) }>
        }
        """
    )
    made = pot.extract(model, inputs=["a", "c"], outputs=["y"], verify=1)
    assert [name for name, _, _ in ports(made.model)] == ["a", "c", "y"]
    assert {tensor.name for tensor in made.model.graph.initializers} == {"w", "v"}
    made = pot.extract(model, inputs=["a", "b", "c"], outputs=["y"], verify=1)
    assert ops(made.model) == ["If"]


def test_inside_a_function() -> None:
    proto = onnx.parser.parse_model(
        """
        <ir_version: 8, opset_import: ["" : 17, "f" : 1]>
        g (float[n,3] x) => (float[n,3] y)
        { h = Relu (x) [one] e = f.Twice (h) [two] y = f.Thrice (e) }
        <opset_import: ["" : 17], domain: "f">
        Twice (a) => (c) { b = Add (a, a) c = Neg (b) }
        <opset_import: ["" : 17, "f" : 1], domain: "f">
        Thrice (a) => (c) { b = Exp (a) c = Sqrt (b) }
        """
    )
    made = pot.extract(pot.from_proto(proto), inputs=["one/b"], verify=1)
    assert ports(made.model) == [("one/b", "float32", ("n", 3)), ("y", "float32", ("n", 3))]
    assert ops(made.model) == ["Neg", "Thrice"]
    assert [function.name for function in made.model.functions] == ["Thrice"]
    assert {one.rule: one.count for one in made.report.changes}["functions opened"] == 1
    inner = pot.extract(pot.from_proto(proto), outputs=["two/*"])
    assert [value.name for value in inner.model.graph.outputs] == ["two/b"]


def test_inside_a_body_is_refused() -> None:
    model = parsed(
        """
        g (bool c, float[2] x) => (float[2] y) {
          [choice] y = If (c) <then_branch = t () => (float[2] t1) { t0 = Abs (x) t1 = Neg (t0) },
                               else_branch = e () => (float[2] e1) { e1 = Neg (x) }>
        }
        """
    )
    told = (
        "extract was refused for 1 reason; nothing is written\n  - node 'choice' (If): 't0' is "
        "made inside it, once each time that the body runs, and is no value of the graph around; "
        "name one that the node reads or makes, or open the node first with `pyonnxtool "
        "specialize`"
    )
    with pytest.raises(pot.Refused) as caught:
        pot.extract(model, outputs=["t0"])
    assert str(caught.value) == told


def test_one_of_several_outputs_of_a_node_is_given() -> None:
    model = parsed(
        """
        g (float[4] x) => (float[2] y) {
          a, b = Split <num_outputs = 2> (x)
          c = Relu (a)
          y = Add (c, b)
        }
        """
    )
    made = pot.extract(model, inputs=["x", "a"], outputs=["y"], verify=1)
    assert ops(made.model) == ["Split", "Relu", "Add"]
    assert made.model.graph.nodes[0].output_names == ["a_unread", "b"]


def test_weights_of_old_files_stay_listed_as_inputs() -> None:
    model = parsed(
        """
        g (float[3] x, float[3] w, float[3] v) => (float[3] y)
        <float[3] w = {1, 2, 3}, float[3] v = {4, 5, 6}> {
          h = Mul (x, w)
          y = Mul (h, v)
        }
        """,
        opset=8,
        ir_version=3,
    )
    made = pot.extract(model, inputs=["h"], verify=1)
    assert [value.name for value in made.model.graph.inputs] == ["h", "v"]
    assert [tensor.name for tensor in made.model.graph.initializers] == ["v"]
    onnx.checker.check_model(pot.to_proto(made.model))


def test_recorded_shapes() -> None:
    feeds = [{name: np.ones((size, 3), np.float32) for name in ("x", "mask")} for size in (2, 5)]
    once = pot.extract(net(), inputs=["e", "m"], outputs=["y"], shapes="recorded", feeds=feeds[:1])
    assert ports(once.model) == [(name, "float32", (2, 3)) for name in ("e", "m", "y")]
    assert once.report.verification is None
    both = pot.extract(
        net(), inputs=["e", "m"], outputs=["y"], shapes="recorded", feeds=feeds, verify=2
    )
    assert ports(both.model) == [(name, "float32", ("n", 3)) for name in ("e", "m", "y")]


def test_sequences_are_cut_too() -> None:
    model = parsed(
        """
        g (float[4] x) => (float[k] y) {
          s = SplitToSequence <axis = 0> (x)
          y = ConcatFromSequence <axis = 0> (s)
        }
        """
    )
    made = pot.extract(model, inputs=["s"])
    assert made.model.graph.inputs[0].type_text == "sequence(float32[...])"


def test_types_that_are_given() -> None:
    model = parsed("g (float[2] x) => (y) { h = custom.Some (x) y = Relu (h) }")
    told = (
        "the dtype of 'h' (from custom.Some node that makes 'h') is not known: give its type, such "
        "as h=float32[1,3], or have it recorded in a run (shapes recorded)"
    )
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.extract(model, inputs=["h"])
    made = pot.extract(model, inputs=["h"], types={"h": "float16[k, ?,3]"})
    assert ports(made.model)[0] == ("h", "float16", ("k", None, 3))


def test_a_part_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = _core.cut_out

    def wrong(model: pot.Model, given: list[str], outputs: list[str]) -> Any:
        made, inputs = right(model, given, outputs)
        made.graph.nodes[-1].set_op_type("Abs")
        return made, inputs

    monkeypatch.setattr(_core, "cut_out", wrong)
    given = net()
    with pytest.raises(pot.Refused, match="output 'y' differs: max abs"):
        pot.extract(given, inputs=["e", "m"], outputs=["y"], verify=1)


def test_a_model_that_does_not_run_cannot_be_verified() -> None:
    model = parsed("g (float[2] x) => (float[2] y) { h = custom.Some (x) y = Relu (h) }")
    with pytest.raises(BackendError, match="extract: the original model does not run here: "):
        pot.extract(model, inputs=["h"], types={"h": "float32[2]"}, verify=1)


def test_weights_are_not_copied(tmp_path: Any) -> None:
    weight = numpy_helper.from_array(np.zeros((1000, 1000), np.float32), "large")
    proto = onnx.parser.parse_model(NET)
    proto.graph.initializer.append(weight)
    proto.graph.node.append(helper.make_node("Mul", ["y", "large"], ["v"]))
    path = tmp_path / "large.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="large.data")
    made = pot.extract(path, inputs=["y"], outputs=["v"])
    assert made.model.graph.initializers[0].location == (str(tmp_path / "large.data"), 0, 4000000)


def test_a_small_part_takes_no_more_than_its_weights_to_another_folder(tmp_path: Any) -> None:
    proto = onnx.parser.parse_model(NET)
    for name in ("large", "larger", "largest"):
        zeros = np.full((100, 1000), len(name), np.float32)
        proto.graph.initializer.append(numpy_helper.from_array(zeros, name))
    proto.graph.node.append(helper.make_node("MatMul", ["large", "large"], ["v"]))
    proto.graph.node.append(helper.make_node("MatMul", ["larger", "larger"], ["u"]))
    path, other = tmp_path / "net.onnx", tmp_path / "other"
    other.mkdir()
    onnx.save(proto, path, save_as_external_data=True, location="net.data")
    pot.load(path).save(str(other / "whole.onnx"))
    assert {one.name for one in other.iterdir()} == {"whole.onnx", "net.data"}
    part = pot.extract(path, outputs=["large"]).model
    part.save(str(other / "part.onnx"))
    assert (other / "part.onnx.data").stat().st_size == 400_000
    assert pot.load(other / "part.onnx").graph.initializers[0].numpy()[0, 0] == 5


def test_output_that_is_listed_twice() -> None:
    proto = onnx.parser.parse_model(NET)
    proto.graph.output.append(proto.graph.output[0])
    made = pot.extract(pot.from_proto(proto), inputs=["e", "m"])
    assert [value.name for value in made.model.graph.outputs] == ["y", "z"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "say which values the part begins with (inputs) or ends with (outputs)"),
        ({"outputs": ["pp"]}, "there is no value called 'pp'; did you mean: p"),
        (
            {"outputs": ["q*"]},
            "there is no value called 'q*'; there are: h, m, e, p, y and 1 other",
        ),
        (
            {"inputs": ["second"]},
            "'second' is a node (Mul), and values are asked for; it makes: e",
        ),
        (
            {"inputs": ["e"], "outputs": ["y"]},
            "the output 'y' also needs the input 'mask' of the model, which was not given; add it "
            "to the inputs, or what is made of it: 'm' (Abs)",
        ),
        (
            {"inputs": ["m"]},
            "the output 'y' also needs the input 'x' of the model, which was not given; add it to "
            "the inputs, or what is made of it: 'e' (Mul); 'z' would need no more",
        ),
        (
            {"inputs": ["h", "e", "m"], "outputs": ["y"]},
            "nothing that is asked for depends on the input 'h'; leave it out",
        ),
        (
            {"inputs": ["e"], "outputs": ["e"]},
            "'e' is asked for as an input and as an output; take it away on one side",
        ),
        ({"inputs": ["p"], "outputs": ["[hm]"]}, "nothing that [hm] names follows from the inputs"),
        (
            {"inputs": ["e", "m"], "types": {"h": "float32"}},
            "type h: the part has no such input or output",
        ),
        (
            {"inputs": ["e", "m"], "types": {"e": "float99"}},
            "type e=float99: no dtype is called 'float99'",
        ),
        (
            {"inputs": ["e", "m"], "types": {"e": "[1,2]"}},
            "'[1,2]' is no type: write the dtype and the sizes, such as float32[1,3,n], or the "
            "dtype alone",
        ),
        ({"outputs": ["e"], "shapes": "seen"}, "shapes='seen': choose one of inferred, recorded"),
    ],
)
def test_what_cannot_be(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.extract(net(), **asked)
