"""What `pyonnxtool remove` prints, writes and refuses."""

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
   [drop] d = Dropout (x)
   [double] a = Add (d, x)
   [last] y = Identity (a)
   [first] k = Identity (x)
}
"""


def test_the_report(run: Any, saved: Save, golden: Callable[[str, str], None]) -> None:
    saved("net", NET)
    result = run("remove", "net.onnx", "-o", "net.onnx", "drop", "op:Identity", "--samples", "1")
    assert result.exit_code == 0, result.stderr
    golden("remove", result.stdout)
    assert [node.text() for node in pot.load("net.onnx").graph.nodes] == ["y = Add(x, x)"]


def test_the_input_that_passes(run: Any, saved: Save) -> None:
    saved("net", NET)
    line = ["remove", "net.onnx", "-o", "out.onnx", "double"]
    refused = run(*line)
    assert refused.exit_code == 1
    assert "node 'double' (Add): has several inputs: 'd' (0)" in refused.stderr
    assert not Path("out.onnx").exists()
    told = json.loads(run(*line, "--pass", "B", "--format", "json").stdout)
    assert told["schema"] == "pyonnxtool/edit/1"
    assert told["operation"] == "remove"
    assert {one["rule"]: one["count"] for one in told["changes"]} == {
        "removed Add": 1,
        "removed with them, as nothing else reads it": 1,
    }


def test_nodes_that_are_not_there(run: Any, saved: Save) -> None:
    saved("net", NET)
    line = ["remove", "net.onnx", "-o", "out.onnx"]
    told = {(): "say which nodes go", ("drip",): "there is no node called 'drip'; did you mean"}
    for nodes, message in told.items():
        result = run(*line, *nodes)
        assert result.exit_code == 2
        assert message in result.stderr
