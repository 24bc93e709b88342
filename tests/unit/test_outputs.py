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


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"add": ["hh"]}, "there is no value called 'hh'; did you mean: h"),
        ({"remove": ["q*"]}, "there is no output called 'q*'; there are: y"),
        ({"remove": ["*"]}, "a model needs an output; add one when you remove all that it has"),
        ({}, "say which outputs to add or to remove"),
    ],
)
def test_what_cannot_be(asked: dict[str, list[str]], told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.outputs(net(), **asked)
