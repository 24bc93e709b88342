"""Values become outputs of the model, and outputs go."""

from __future__ import annotations

import re

import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import UsageError

NET = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x) => (float[n,3] y) {
   h = Relu (x)
   e = Exp (h)
   y = Neg (e)
}
"""


def net() -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(NET))


def test_values_are_added_with_their_types_and_the_old_model_stays() -> None:
    given = net()
    made = pot.outputs(given, add=["h", "e"], verify=1)
    assert [(v.name, v.dtype, v.shape) for v in made.model.graph.outputs] == [
        ("y", "float32", ("n", 3)),
        ("h", "float32", ("n", 3)),
        ("e", "float32", ("n", 3)),
    ]
    assert made.report.verification is not None
    assert len(given.graph.outputs) == 1


def test_a_glob_takes_what_is_no_output_yet() -> None:
    made = pot.outputs(net(), add=["*"])
    assert [value.name for value in made.model.graph.outputs] == ["y", "h", "e"]
    assert [(one.rule, one.count) for one in made.report.changes] == [("outputs added", 2)]


def test_outputs_go() -> None:
    made = pot.outputs(net(), add=["h"], remove=["y"])
    assert [value.name for value in made.model.graph.outputs] == ["h"]


def test_new_ones_are_in_the_order_of_asking() -> None:
    made = pot.outputs(net(), add=["e", "*"])
    assert [value.name for value in made.model.graph.outputs] == ["y", "e", "h"]


def test_all_outputs_and_their_order() -> None:
    made = pot.outputs(net(), only=["e", "h"])
    assert [value.name for value in made.model.graph.outputs] == ["e", "h"]
    again = pot.outputs(made.model, only=["h", "e"])
    assert [value.name for value in again.model.graph.outputs] == ["h", "e"]
    assert [(one.rule, one.count) for one in again.report.changes] == [("new order of outputs", 1)]


def test_a_value_inside_a_function() -> None:
    text = """
    <ir_version: 8, opset_import: ["" : 17, "f" : 1]>
    g (float[n,3] x) => (float[n,3] y) { [one] h = f.Twice (x) [two] y = f.Twice (h) }
    <opset_import: ["" : 17], domain: "f"> Twice (a) => (c) { b = Add (a, a) c = Neg (b) }
    """
    made = pot.outputs(pot.from_proto(onnx.parser.parse_model(text)), add=["two/b"], verify=1)
    new = made.model.graph.outputs[1]
    assert (new.name, new.dtype, new.shape) == ("two/b", "float32", ("n", 3))


def test_a_value_inside_a_body_is_refused() -> None:
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (bool c, float[2] x) => (float[2] y) {
      [choice] y = If (c) <then_branch = t () => (float[2] a) { b = Abs (x) a = Neg (b) },
                           else_branch = e () => (float[2] d) { d = Neg (x) }>
    }
    """
    told = "node 'choice' (If): 'b' is made inside it, once each time that the body runs"
    with pytest.raises(pot.Refused, match=re.escape(told)):
        pot.outputs(pot.from_proto(onnx.parser.parse_model(text)), add=["b"])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"add": ["h"], "only": ["y"]}, "give all outputs with only, or some with add and remove"),
        ({"add": ["hh"]}, "there is no value called 'hh'; did you mean: h"),
        ({"remove": ["q*"]}, "there is no output called 'q*'; there are: y"),
        ({"remove": ["*"]}, "a model needs an output; add one when you remove all that it has"),
        ({}, "say which outputs to add or to remove"),
    ],
)
def test_what_cannot_be(asked: dict[str, list[str]], told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.outputs(net(), **asked)
