"""Outputs of control flow that a model omits: onnxruntime died of some and refused others."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.backends import RunOptions, find_backend

LOOP = """<ir_version: 8, opset_import: ["" : 17]>
g (int64 m, bool c, int64 z) => ({dtype} o) {{
  {outputs} = Loop (m, c, z) <body = b (int64 i, bool on, int64 k)
    => (bool again, int64 next, int64 turn) {{
      again = Identity (on)  next = Add (k, i)  turn = Identity (i) }}>
}}"""
IF = """<ir_version: 8, opset_import: ["" : 17]>
g (bool c, float[2] x) => (float[2] o) {
  "", o = If (c) <
    then_branch = t () => (float[2] a, float[2] b) { a = Neg (x)  b = Abs (x) },
    else_branch = e () => (float[2] d, float[2] f) { d = Abs (x)  f = Neg (x) }>
}"""


@pytest.mark.parametrize(
    ("outputs", "dtype", "expected"),
    [('"", o', "int64[k]", [0, 1, 2, 3]), ('o, ""', "int64", 6)],
)
def test_a_loop_that_omits_an_output(outputs: str, dtype: str, expected: object) -> None:
    model = pot.from_proto(onnx.parser.parse_model(LOOP.format(outputs=outputs, dtype=dtype)))
    feeds = {"m": np.array(4), "c": np.array(True), "z": np.array(0)}
    with find_backend("onnxruntime").open(model, RunOptions(level="none")) as session:
        np.testing.assert_array_equal(session.run(feeds)["o"], expected)
    kept = [name for name in model.graph.nodes[0].output_names if name]
    assert kept == ["o"]  # the model itself is as it was


def test_an_if_that_omits_an_output() -> None:
    model = pot.from_proto(onnx.parser.parse_model(IF))
    feeds = {"c": np.array(False), "x": np.array([1, -2], np.float32)}
    with find_backend("onnxruntime").open(model, RunOptions(level="none")) as session:
        np.testing.assert_array_equal(session.run(feeds)["o"], [-1, 2])
