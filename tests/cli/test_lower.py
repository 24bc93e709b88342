"""What `pyonnxtool lower` prints, writes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pyonnxtool as pot

Save = Callable[[str, str], Path]
OPTIMIZED = """
<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1, "com.microsoft.nchwc" : 1]>
g (float[n,3] x) => (float[n,3] y) { h = com.microsoft.Gelu (x) y = Relu (h) }
"""
MINE = """
<ir_version: 8, opset_import: ["" : 13, "my" : 1]>
g (float[n,3] x) => (float[n,3] y) { z = my.Twice (x) y = my.Other (z) }
"""
SYMBOLICS = """
import pyonnxtool as pot

@pot.symbolic("my::Twice")
def twice(node, tape):
    "Add."
    return tape.op("Add", node.inputs[0], node.inputs[0])
"""


def test_the_report(run: Any, saved: Save, golden: Callable[[str, str], None]) -> None:
    saved("net", OPTIMIZED)
    result = run("lower", "net.onnx", "-o", "out.onnx")
    assert result.exit_code == 0, result.stderr
    golden("lower", result.stdout)
    assert pot.load("out.onnx").opset_imports == {"": 17}


def test_json(run: Any, saved: Save) -> None:
    saved("net", OPTIMIZED)
    result = run("lower", "net.onnx", "-o", "out.onnx", "--to", "11", "--format", "json")
    told = json.loads(result.stdout)
    assert told["schema"] == "pyonnxtool/lower/1"
    assert (told["opset_before"], told["opset"], told["kept"]) == (17, 11, [])


def test_a_file_of_the_user(run: Any, saved: Save, tmp_path: Path) -> None:
    saved("mine", MINE)
    (tmp_path / "my_ops.py").write_text(SYMBOLICS)
    line = ["lower", "mine.onnx", "-o", "out.onnx", "--symbolics", "my_ops.py"]
    result = run(*line, "--keep", "my::Other", "--no-verify", "-q")
    assert result.stdout == "lowered: mine.onnx, opset 13, 2 nodes; not verified\n"
    assert [node.op_type for node in pot.load("out.onnx").graph.nodes] == ["Add", "Other"]


def test_operators_that_nothing_runs_cannot_be_verified(run: Any, saved: Save) -> None:
    saved("mine", MINE)
    result = run("lower", "mine.onnx", "-o", "out.onnx", "--keep", "my::*")
    assert result.exit_code == 125
    assert "needs its library: --custom-ops FILE; give real inputs" in result.stderr
    assert result.stderr.endswith("or skip the check with --no-verify\n")
    assert not Path("out.onnx").exists()


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (
            (),
            1,
            "no symbolic is known for it; give one (--symbolics) or keep it: --keep my::Twice",
        ),
        (("--symbolics", "no.py"), 2, "Error: no.py: there is no such file"),
        (("--expand", "Foo"), 2, "Error: ai.onnx has no operator 'Foo'"),
        (("--keep", "you::*"), 2, "its custom operators are: my::Other, my::Twice"),
        (("--to", "99"), 2, "Error: there is no way to opset 99: give one from 7 to"),
        (("--to", "tensorrt"), 2, "Error: tensorrt: which release; known are"),
    ],
)
def test_what_is_asked_wrongly(
    options: tuple[str, ...], code: int, told: str, run: Any, saved: Save
) -> None:
    saved("mine", MINE)
    result = run("lower", "mine.onnx", "-o", "out.onnx", *options)
    assert (result.exit_code, result.exception.__class__) == (code, SystemExit)
    assert told in " ".join(result.stderr.split())  # a long line is folded
    assert not Path("out.onnx").exists()
