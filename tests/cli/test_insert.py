"""What `pyonnxtool insert` prints, writes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyonnxtool as pot

Save = Callable[[str, str], Path]
NET = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x) => (float[n,3] y) {
   [gate] s = Sigmoid (x)
   [out] y = Mul (s, x)
}
"""
PART = """
<ir_version: 8, opset_import: ["" : 17]>
shift (float[n,3] a, float[n,3] by) => (float[n,3] b) { b = Add (a, by) }
"""


def test_the_report(run: Any, saved: Save, golden: Callable[[str, str], None]) -> None:
    saved("net", NET)
    line = ["insert", "net.onnx", "Cast(_, to=float16)", "-o", "net.onnx", "--after", "y"]
    result = run(*line, "--name", "half")
    assert result.exit_code == 0, result.stderr
    golden("insert", result.stdout)
    assert pot.load("net.onnx").graph.nodes[-1].text() == "y = Cast(y_before) {to=10}"


def test_a_small_model(run: Any, saved: Save) -> None:
    saved("net", NET)
    saved("part", PART)
    line = ["insert", "net.onnx", "part.onnx", "-o", "out.onnx", "--before", "out", "--slot", "A"]
    told = json.loads(run(*line, "--operand", "by=x", "--format", "json").stdout)
    assert told["schema"] == "pyonnxtool/edit/1"
    assert told["changes"] == [{"rule": "inserted part.onnx", "count": 1}]
    made = [node.text() for node in pot.load("out.onnx").graph.nodes]
    assert made == ["s = Sigmoid(x)", "b = Add(s, x)", "y = Mul(b, x)"]


def test_what_is_wrong(run: Any, saved: Save) -> None:
    saved("net", NET)
    line = ["insert", "net.onnx", "-o", "out.onnx"]
    told = {
        ("Relu", "--after", "t"): "there is no value called 't'",
        ("Relu",): "say where: after which values, or before which nodes",
        ("Relu(", "--after", "s"): "'Relu(' is no operator",
        ("none.onnx", "--after", "s"): "none.onnx: cannot open the file",
        ("Relu", "--after", "s", "--operand", "a"): "--operand 'a' is not INPUT=VALUE",
    }
    for rest, message in told.items():
        result = run(*line, *rest)
        assert result.exit_code == 2, result.stdout
        assert message in result.stderr
    refused = run(*line, "Relu", "--before", "out")
    assert refused.exit_code == 1
    assert "node 'out' (Mul): has several inputs: 's' (0), 'x' (1)" in refused.stderr
    assert not Path("out.onnx").exists()
