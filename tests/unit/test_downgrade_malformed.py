"""Nodes that are none of their operator are refused by name, whichever adapter would read them."""

from __future__ import annotations

import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import Refused
from support.downgraded import source


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ('y = Gather <axis = "x"> (x, i)', "attribute axis='x' is no integer"),
        ("y = Gather <axis = [1]> (x, i)", "attribute axis=[1] is no integer"),
        ("y = Gather (x)", "it lacks input indices"),
        ("y = Gather (, i)", "it lacks input data"),
        ("y = DepthToSpace (x)", "it lacks attribute blocksize"),
        ("y = Unsqueeze <axes = 1> (x)", "attribute axes=1 is no list of integers"),
    ],
)
def test_the_schema_is_asked_first(node: str, reason: str) -> None:
    model = onnx.parser.parse_model(
        source(f"g (float[2,3] x, int64[1] i) => (float y) {{{node}}}", 11)
    )
    with pytest.raises(Refused) as refused:
        pot.opset(pot.from_proto(model), to=10)
    assert reason in str(refused.value)


def test_indices_into_what_has_no_axes() -> None:
    text = """g (float x, float[2,2] u) => (y) <int64[2,2] i = {0, 1, 1, 0}> {
        y = ScatterElements <axis = 0, reduction = "add"> (x, i, u)
    }"""
    with pytest.raises(Refused) as refused:
        pot.opset(pot.from_proto(onnx.parser.parse_model(source(text, 18))), to=15)
    assert "axis 0 is none of the 0 that its data has" in str(refused.value)
