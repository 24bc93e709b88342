"""What `pyonnxtool rename` and `set-io` print, write and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pyonnxtool as pot

Save = Callable[[str, str], Path]
NET = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[batch,3] images, int64[batch,2] ids) => (float[batch,3] out, int64[batch,2] more)
<float[3] "model.0.weight" = {1, 2, 3}> {
   ["/model.0/Add"] h = Add (images, "model.0.weight")
   out = Relu (h)
   more = Neg (ids)
}
"""


@pytest.fixture
def net(saved: Save) -> Path:
    """The model in the folder that commands run in."""
    return saved("net", NET.replace('"model.0.weight"', "w").replace('["/model.0/Add"]', "[add]"))


def names(path: str) -> list[str]:
    graph = pot.load(path).graph
    return [value.name for value in (*graph.inputs, *graph.outputs)]


def test_rename(run: Any, net: Path, golden: Callable[[str, str], None]) -> None:
    line = ["rename", "net.onnx", "-o", "out.onnx", "--input", "i*s=in_*", "--value", "w=scale"]
    result = run(*line, "--node", "a*=n_*", "--samples", "1")
    assert result.exit_code == 0, result.stderr
    golden("rename", result.stdout)
    assert names("out.onnx") == ["in_mage", "in_d", "out", "more"]
    assert pot.load("out.onnx").graph.nodes[0].name == "n_dd"


def test_rename_onto_itself_and_as_json(run: Any, net: Path) -> None:
    result = run("rename", "net.onnx", "-o", "net.onnx", "--prefix", "p_", "--format", "json")
    told = json.loads(result.stdout)
    assert (told["schema"], told["operation"]) == ("pyonnxtool/edit/1", "rename")
    assert {"value": "p_h", "old_value": "h", "perm": None, "inner": []} in told["value_map"]
    assert names("net.onnx") == ["p_images", "p_ids", "p_out", "p_more"]


def test_set_io(run: Any, net: Path, golden: Callable[[str, str], None]) -> None:
    line = ["set-io", "net.onnx", "-o", "out.onnx", "--dtype", "images=uint8", "--dim", "batch=N"]
    result = run(*line, "--output-order", "more", "--samples", "1")
    assert result.exit_code == 0, result.stderr
    golden("set-io", result.stdout)
    assert names("out.onnx") == ["images", "ids", "more", "out"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rename"], "say what to rename, such as encoder.*=enc_*"),
        (["rename", "--value", "h"], "'h' is not OLD=NEW; write the name that is there"),
        (["rename", "--value", "h=a", "--value", "h=b"], "'h' is given twice"),
        (["rename", "--input", "image=x"], "there is no input called 'image'; did you mean: image"),
        (["rename", "--input", "ids=out"], "'ids' cannot be called 'out': another value has"),
        (["rename", "--regex", "--value", "(=x"], "no regex and its replacement: missing )"),
        (["set-io"], "say what to change: element types, sizes or the order"),
        (["set-io", "--dtype", "images"], "'images' is not GLOB=TYPE; write one such as x=uint8"),
        (["set-io", "--dim", "bach=3"], "there is no size called 'bach'; did you mean: batch"),
        (["set-io", "--shape", "ids=4"], "'ids' is int64[batch,2], of 2 axes; 1 size"),
        (["set-io", "--input-order", "x"], "there is no input called 'x'; there are: images, ids"),
    ],
)
def test_what_cannot_be(words: list[str], told: str, run: Any, net: Path) -> None:
    command, *options = words
    result = run(command, "net.onnx", "-o", "out.onnx", *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert not Path("out.onnx").exists()
