"""What `pyonnxtool extract` prints, writes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pyonnxtool as pot

Save = Callable[[str, str], Path]
NET = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x, float[n,3] mask) => (float[n,3] y) {
   h = Relu (x)
   m = Abs (mask)
   p = Add (h, m)
   y = Neg (p)
}
"""


def test_the_report(run: Any, saved: Save, golden: Callable[[str, str], None]) -> None:
    saved("net", NET)
    line = ["extract", "net.onnx", "-o", "part.onnx", "--inputs", "h", "--inputs", "m"]
    result = run(*line, "--outputs", "p", "--samples", "1", "--shapes", "recorded")
    assert result.exit_code == 0, result.stderr
    golden("extract", result.stdout)
    assert [value.name for value in pot.load("part.onnx").graph.inputs] == ["h", "m"]


def test_feeds_are_what_the_model_is_run_on(run: Any, saved: Save, tmp_path: Path) -> None:
    saved("net", NET)
    np.savez(tmp_path / "fed.npz", **{name: np.ones((7, 3), np.float32) for name in ("x", "mask")})
    line = ["extract", "net.onnx", "-o", "net.onnx", "--outputs", "p", "--shapes", "recorded"]
    result = run(*line, "--feeds", "fed.npz", "--format", "json")
    told = json.loads(result.stdout)
    assert told["schema"] == "pyonnxtool/edit/1"
    assert told["operation"] == "extract"
    assert told["outputs"][0]["shape"] == [7, 3]
    assert told["verification"]["sizes"] == [{"x": [7, 3], "mask": [7, 3]}]
    assert [value.name for value in pot.load("net.onnx").graph.outputs] == ["p"]


def test_types(run: Any, saved: Save) -> None:
    saved("net", NET)
    line = ["extract", "net.onnx", "-o", "part.onnx", "--inputs", "p"]
    assert run(*line, "--type", "p=float32[4,3]").exit_code == 0
    assert pot.load("part.onnx").graph.inputs[0].shape == (4, 3)
    result = run(*line, "--type", "p")
    assert result.exit_code == 2
    assert "'p' is not NAME=TYPE; write a value and its type, such as h=float32[1,n]" in " ".join(
        result.stderr.split()
    )


def test_what_the_part_lacks(run: Any, saved: Save) -> None:
    saved("net", NET)
    result = run("extract", "net.onnx", "-o", "part.onnx", "--inputs", "h")
    assert result.exit_code == 2
    assert "the output 'y' also needs the input 'mask'" in " ".join(result.stderr.split())
    assert not Path("part.onnx").exists()
