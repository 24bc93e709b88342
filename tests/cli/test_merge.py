"""What `pyonnxtool merge` prints, writes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyonnxtool as pot

Save = Callable[[str, str], Path]
BODY = """
<ir_version: 8, opset_import: ["" : 13]>
body (float[n,3] image) => (float[n,3] features, float[n,3] aux) {
   h = Abs (image)
   features = Exp (h)
   aux = Neg (h)
}
"""
HEAD = """
<ir_version: 8, opset_import: ["" : 17]>
head (float[m,3] x, float[m,3] image) => (float[m,3] scores) {
   h = Add (x, image)
   scores = Softmax (h)
}
"""
PAIRS = ["--map", "features=x", "--map", "image=image"]


def test_the_report(run: Any, saved: Save, golden: Callable[[str, str], None]) -> None:
    saved("body", BODY)
    saved("head", HEAD)
    line = ["merge", "body.onnx", "head.onnx", "-o", "whole.onnx", *PAIRS, "--samples", "1"]
    result = run(*line)
    assert result.exit_code == 0, result.stderr
    golden("merge", result.stdout)
    made = pot.load("whole.onnx")
    assert [value.name for value in made.graph.inputs] == ["image"]
    told = json.loads(run(*line, "--force", "--format", "json").stdout)
    assert told["schema"] == "pyonnxtool/edit/1"
    assert told["second"] == "head.onnx"
    assert told["second_map"] == [{"value": "h_1", "old_value": "h", "perm": None, "inner": []}]
    assert run(*line, "--force", "-q").stdout.startswith("merge: body.onnx and head.onnx, ")


def test_choices(run: Any, saved: Save) -> None:
    saved("body", BODY)
    saved("head", HEAD)
    line = ["merge", "body.onnx", "head.onnx", "-o", "out.onnx", "--force"]
    assert run(*line, *PAIRS, "--keep", "features", "--drop", "aux", "--to", "13").exit_code == 0
    made = pot.load("out.onnx")
    assert [value.name for value in made.graph.outputs] == ["features", "scores"]
    assert made.opset_imports == {"": 13}
    assert run(*line, "--side-by-side", "--prefix1", "a.", "--prefix2", "b.").exit_code == 0
    names = [value.name for value in pot.load("out.onnx").graph.inputs]
    assert names == ["a.image", "b.x", "b.image"]


def test_what_is_refused(run: Any, saved: Save) -> None:
    saved("body", BODY)
    saved("head", HEAD)
    line = ["merge", "body.onnx", "head.onnx", "-o", "out.onnx"]
    for more, told in (
        (["--map", "features"], "'features' is not VALUE=INPUT; write a value of FIRST"),
        ([*PAIRS, "--side-by-side"], "--side-by-side joins nothing; leave it out, or --map"),
        ([], "say which output of the first model goes into which input of the second"),
        (["--map", "features=x"], "both models have an input 'image': join image=image"),
    ):
        result = run(*line, *more)
        assert result.exit_code == 2
        assert told in " ".join(result.stderr.split())
    result = run("merge", "body.onnx", "there.onnx", "-o", "out.onnx")
    assert "there.onnx is not there; merge wants the path of an .onnx file" in result.stderr
    assert run("merge", "body.onnx", "head.onnx", *PAIRS).exit_code == 2
    assert run(*line[:-1], "head.onnx", *PAIRS).exit_code == 2
    assert not Path("out.onnx").exists()
