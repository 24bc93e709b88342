"""Parts of models in every form that a graph may have: bodies, weights, omitted operands, types."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool.errors import ModelError, PyonnxtoolError, UsageError
from support.parsed import parsed


def part(model: pot.Model, **asked: Any) -> pot.Model:
    """The part, run beside the whole and valid for the onnx package."""
    made = pot.extract(model, verify=1, **asked)
    assert made.report.verification is not None
    assert {row.status for row in made.report.verification.outputs} == {"ok"}
    onnx.checker.check_model(pot.to_proto(made.model), full_check=True)
    return made.model


def inputs_of(model: pot.Model) -> list[str]:
    return [value.name for value in model.graph.inputs]


def ops(model: pot.Model) -> list[str]:
    return [node.op_type for node in model.graph.nodes]


def test_bodies_in_bodies_read_what_is_given() -> None:
    model = parsed(
        """
        g (bool c, float[2] x, float[2] z) => (float[2] y) {
          a = Relu (x)
          b = Abs (z)
          y = If (c) <
            then_branch = t () => (float[2] t1) {
              t1 = If (c) <then_branch = u () => (float[2] q) { q = Add (a, b) },
                           else_branch = v () => (float[2] r) { r = Neg (b) }>
            },
            else_branch = e () => (float[2] e1) { e1 = Neg (x) }
          >
        }
        """
    )
    made = part(model, inputs=["c", "x", "b"], outputs=["y"])
    assert (inputs_of(made), ops(made)) == (["c", "x", "b"], ["Relu", "If"])
    told = (
        "the output 'y' also needs the input 'z' of the model, which was not given; add it to the "
        "inputs, or what is made of it: 'b' (Abs)"
    )
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.extract(model, inputs=["c", "x"], outputs=["y"])
    with pytest.raises(UsageError, match=re.escape("'y' also needs the input 'x' of the model")):
        pot.extract(model, inputs=["c", "a", "b"], outputs=["y"])
    told = "also needs the inputs 'x', 'z' of the model, which were not given; add them to the"
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.extract(model, inputs=["c"], outputs=["y"])


def test_what_a_loop_stacks_and_reads() -> None:
    model = parsed(
        """
        g (int64 n, float[2] x) => (float[2] y) {
          b = Constant <value = bool {1}> ()
          a = Abs (x)
          y, stacked = Loop (n, b, a) <body = l (int64 i, bool cc, float[2] v)
            => (bool c2, float[2] v2, float[2] o)
            { c2 = Identity (cc) v2 = Add (v, x) o = Mul (v, a) }>
          z = ReduceSum (stacked)
        }
        """
    )
    feeds = {"n": np.array(3), "x": np.ones(2, np.float32)}
    made = part(model, inputs=["n", "a", "x"], outputs=["stacked"], feeds=feeds)
    assert made.graph.outputs[0].shape == (None, 2)
    recorded = pot.extract(model, outputs=["stacked"], shapes="recorded", feeds=feeds).model
    assert recorded.graph.outputs[0].shape == (3, 2)
    with pytest.raises(pot.Refused, match="'v2' is made inside it, once each time that the body"):
        pot.extract(model, outputs=["v2"])


CALLS = """
<ir_version: 8, opset_import: ["" : 17, "f" : 1]>
g (bool c, float[n,3] x) => (float[n,3] y) {
  h = Relu (x)
  [one] e = f.Outer (h)
  y = If (c) <then_branch = t () => (float[n,3] t1) { [two] t1 = f.Outer (e) },
              else_branch = e () => (float[n,3] e1) { e1 = Neg (h) }>
}
<opset_import: ["" : 17, "f" : 1], domain: "f">
Outer (a) => (c) { [in] b = f.Inner (a) c = Neg (b) }
<opset_import: ["" : 17], domain: "f">
Inner (a) => (c) { b = Exp (a) c = Sqrt (b) }
"""


def test_functions_in_functions() -> None:
    model = pot.from_proto(onnx.parser.parse_model(CALLS))
    made = part(model, outputs=["one/*"])
    assert [value.name for value in made.graph.outputs] == ["one/in/b", "one/b"]
    assert not made.functions
    again = part(model, inputs=["one/in/b", "h", "c"])
    assert ops(again) == ["Sqrt", "Neg", "If"]
    with pytest.raises(UsageError, match="there is no value called 'one/in/d'; did you mean: one"):
        pot.extract(model, outputs=["one/in/d"])
    with pytest.raises(
        UsageError, match=re.escape("'one' is a node (Outer), and values are asked")
    ):
        pot.extract(model, outputs=["one"])
    with pytest.raises(pot.Refused, match="'two/b' is made inside it, once each time that the"):
        pot.extract(model, outputs=["two/b"])
    closed = part(model, outputs=["e"])
    assert {one.name for one in closed.functions} == {"Outer", "Inner"}


def weights() -> pot.Model:
    return parsed(
        """
        g (float[2] x, float[2] w) => (float[2] y) <float[2] w = {1, 2}, float[2] v = {3, 4}> {
          h = Add (x, w)
          y = Mul (h, v)
        }
        """
    )


def test_weights_are_inputs_and_outputs() -> None:
    made = part(weights(), outputs=["v", "h"])
    assert (inputs_of(made), ops(made)) == (["x", "w"], ["Add"])
    assert [value.name for value in made.graph.outputs] == ["v", "h"]
    assert ops(part(weights(), outputs=["v"])) == []
    fed = part(weights(), inputs=["x", "w"], outputs=["h"])
    assert not fed.graph.initializers
    default = part(weights(), inputs=["x"], outputs=["h"])
    assert [tensor.name for tensor in default.graph.initializers] == ["w"]
    assert inputs_of(default) == ["x", "w"]


def test_names_that_are_given_twice_or_look_like_globs() -> None:
    assert inputs_of(part(weights(), inputs=["h", "h"], outputs=["y", "y"])) == ["h"]
    model = parsed('g (float[2] x) => (float[2] "a[0]") { "a[0]" = Neg (x) a0 = Abs (x) }')
    assert ops(part(model, outputs=["a[0]"])) == ["Neg"]


def test_omitted_operands_and_a_file_that_is_not_sorted() -> None:
    model = parsed(
        """
        g (float[2] x, float[4] d) => (float[2] y, float[k] u) {
          a = Clip (x, , most)
          most = Constant <value = float {1}> ()
          y = Relu (a)
          u, , back = Unique (d)
        }
        """
    )
    assert ops(part(model, outputs=["a"])) == ["Constant", "Clip"]
    made = part(model, outputs=["u", "back"])
    assert made.graph.nodes[0].output_names == ["u", "", "back"]
    assert inputs_of(part(model, inputs=["most", "x"], outputs=["y"])) == ["most", "x"]


def test_sparse_weights() -> None:
    proto = onnx.parser.parse_model(
        """
        <ir_version: 8, opset_import: ["" : 17]>
        g (float[1,3] x) => (float[1,3] y) { h = Relu (x) i = Mul (h, w) y = Neg (i) }
        """
    )
    values = numpy_helper.from_array(np.array([2.0], np.float32), "w")
    indices = numpy_helper.from_array(np.array([1], np.int64))
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [1, 3]))
    model = pot.from_proto(proto)
    kept = pot.extract(model, inputs=["h"], verify=1).model
    assert len(pot.to_proto(kept).graph.sparse_initializer) == 1
    gone = pot.extract(model, inputs=["i"]).model
    assert not pot.to_proto(gone).graph.sparse_initializer
    given = pot.extract(model, inputs=["h", "w"]).model
    assert given.graph.value("w").shape == (1, 3)
    assert not pot.to_proto(given).graph.sparse_initializer


def test_types_that_are_no_tensors() -> None:
    model = parsed(
        """
        g (float[4] x, float[2] z) => (float[k] y, float[2] w) {
          s = SplitToSequence <axis = 0> (x)
          y = ConcatFromSequence <axis = 0> (s)
          o = Optional (z)
          w = OptionalGetElement (o)
        }
        """
    )
    made = part(model, inputs=["s"], outputs=["y"])
    assert made.graph.inputs[0].type_text == "sequence(float32[...])"
    assert part(model, outputs=["s"]).graph.outputs[0].kind == "sequence"
    assert part(model, inputs=["o"], outputs=["w"]).graph.inputs[0].kind == "optional"
    seen = pot.extract(model, inputs=["s"], outputs=["y"], shapes="recorded").model
    assert [seen.graph.inputs[0].kind, seen.graph.outputs[0].shape] == ["sequence", (4,)]
    typed = pot.extract(model, inputs=["s"], outputs=["y"], types={"s": "sequence(float32)"})
    assert typed.model.graph.inputs[0].type_text == "sequence(float32[...])"


def test_maps_of_classifiers() -> None:
    model = parsed(
        """
        g (float[n,2] x) => (seq(map(int64,float)) y) {
          p = Relu (x)
          y = ai.onnx.ml.ZipMap <classlabels_int64s = [0, 1]> (p)
        }
        """
    )
    model.set_opset_import("ai.onnx.ml", 1)
    assert ops(part(model, inputs=["p"])) == ["ZipMap"]


def test_a_model_without_inputs() -> None:
    model = parsed("g () => (float[2] y) <float[2] w = {1, 2}> { a = Neg (w) y = Relu (a) }")
    assert ops(part(model, outputs=["a"])) == ["Neg"]
    assert inputs_of(part(model, inputs=["a"])) == ["a"]


@pytest.mark.parametrize(
    ("graph", "asked", "error", "told"),
    [
        (
            "g (float[2] x) => (float[2] y) { a = Add (x, y) y = Neg (a) }",
            {"outputs": ["a"]},
            ModelError,
            "the graph has a cycle",
        ),
        (
            "g (float[2] x) => (float[2] y) { y = Add (x, nowhere) }",
            {"outputs": ["y"]},
            ModelError,
            "nothing defines the value 'nowhere'",
        ),
        (
            "g (float[2] x) => (float[2] y) { y = Neg (x) }",
            {"outputs": ["x"]},
            UsageError,
            "'x' is an input of the model; name something that a node makes",
        ),
        (
            "g (float[2] x) => (float[2] y) { y = Neg (x) }",
            {"outputs": [""]},
            UsageError,
            "there is no value called ''; there are: y",
        ),
    ],
)
def test_what_cannot_be(
    graph: str, asked: dict[str, Any], error: type[PyonnxtoolError], told: str
) -> None:
    with pytest.raises(error, match=re.escape(told)):
        pot.extract(parsed(graph), **asked)
