"""What `pyonnxtool weights` prints, writes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyonnxtool as pot
from pyonnxtool.cli import weights as command

Save = Callable[[str, str], Path]
NET = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x) => (float[n,3] y)
<float[3] w = {1, 2, 3}, float[3] v = {1, 2, 3}, float[3,1] tall = {1e-5, 2, 3e-9}> {
   [add] h = Add (x, w)
   [exp] e = Exp (h)
   [mul] m = Mul (e, v)
   [dot] p = MatMul (m, tall)
   [out] y = Sub (x, p)
}
"""


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_list(run: Any, saved: Save, golden: Callable[[str, str], None]) -> None:
    saved("net", NET)
    result = run("weights", "net.onnx")
    assert result.exit_code == 0, result.stderr
    golden("weights", result.stdout)
    told = json.loads(run("weights", "net.onnx", "--format", "json").stdout)
    assert told["weights"][0] == {
        "name": "w", "dtype": "float32", "shape": [3], "bytes": 12, "place": "inside",
    }  # fmt: skip
    saved("bare", '<ir_version: 8, opset_import: ["" : 17]> g (float x) => (float y) {y = Neg (x)}')
    assert "The model has no weights." in run("weights", "bare.onnx").stdout


def test_float16(run: Any, saved: Save, golden: Callable[[str, str], None]) -> None:
    saved("net", NET)
    line = ["weights", "net.onnx", "-o", "half.onnx", "--fp16"]
    result = run(*line, "--keep", "dot")
    assert result.exit_code == 0, result.stderr
    golden("weights_fp16", result.stdout)
    assert run(*line, "--force", "--samples", "0", "-q").stdout == (
        "weights: net.onnx, 5 nodes became 9; not verified\n"
    )


def test_where_they_go(run: Any, saved: Save) -> None:
    saved("net", NET)
    line = ["weights", "net.onnx", "-o", "out.onnx"]
    assert run(*line, "--externalize", "--threshold", "0", "--align", "100").exit_code == 0
    assert {one.place for one in pot.weights("out.onnx").report.weights} == {
        "out.onnx.data:0", "out.onnx.data:100", "out.onnx.data:200",
    }  # fmt: skip
    again = ["weights", "out.onnx", "-o", "each.onnx", "--externalize", "--threshold", "4b"]
    result = run(*again, "--file-each", "--deduplicate")
    assert result.exit_code == 0, result.stderr
    assert "each.onnx.weights/(2 files)" in result.stdout
    assert sorted(one.name for one in Path("each.onnx.weights").iterdir()) == ["tall.bin", "w.bin"]
    assert run("weights", "each.onnx", "-o", "in.onnx", "--embed").exit_code == 0
    assert {one.place for one in pot.weights("in.onnx").report.weights} == {"inside"}


def test_other_weights_of_a_model_with_files_go_into_one(run: Any, saved: Save) -> None:
    saved("net", NET)
    line = ["weights", "net.onnx", "-o", "out.onnx", "--externalize"]
    assert run(*line, "--threshold", "0").exit_code == 0
    np.savez("w.npz", w=np.float32([4, 5, 6]))
    result = run("weights", "out.onnx", "-o", "out.onnx", "--replace", "w.npz")
    assert result.exit_code == 0, result.stderr
    assert {one.name: one.numpy()[0] for one in pot.load("out.onnx").graph.initializers}["w"] == 4


def test_a_model_is_written_over_itself_and_its_files(run: Any, saved: Save) -> None:
    saved("net", NET)
    line = ["weights", "net.onnx", "-o", "net.onnx"]
    for words in (["--externalize"], ["--externalize", "--file-each"], ["--externalize"]):
        result = run(*line, *words, "--threshold", "0")
        assert result.exit_code == 0, result.stderr
    result = run(*line, "--fp16", "--convert", "op:*", "--externalize", "--threshold", "0")
    assert result.exit_code == 0, result.stderr
    assert {one.place for one in pot.weights("net.onnx").report.weights} == {
        "net.onnx.data:0", "net.onnx.data:64", "net.onnx.data:128",
    }  # fmt: skip
    saved("other", NET)
    Path("other.onnx.data").write_text("of somebody else")
    result = run("weights", "other.onnx", "-o", "other.onnx", "--externalize", "--threshold", "0")
    assert result.exit_code == 2
    assert "exists already; say force to overwrite it" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--fp16", "--keep", "op:Pow"], "there is no node for --keep called 'op:Pow'"),
        (["--keep", "exp"], "are for fp16; ask for that"),
        (["--externalize", "--embed"], "--externalize moves weights out of OUT, --embed into it"),
        (["--embed", "--weights", "link"], "--weights link and --embed disagree"),
        (["--align", "64"], "--threshold, --align and --file-each are for --externalize"),
        (["--externalize", "--file-each", "--align", "64"], "leave out --align"),
        (["--externalize", "--align", "0"], "0 is not in the range"),
        (["--externalize", "--align", "4194304"], "4194304 is not in the range"),
        (["--externalize", "--threshold", "much"], "'much' is not a size"),
        (["--replace", "w.npz"], "w.npz: there is no such file"),
        (["--replace", "net.onnx"], "'net.onnx' holds no weights"),
    ],
)
def test_what_cannot_be(words: list[str], told: str, run: Any, saved: Save) -> None:
    saved("net", NET)
    result = run("weights", "net.onnx", "-o", "out.onnx", *words)
    assert result.exit_code == 2
    assert told in flat(result.stderr)
    assert not Path("out.onnx").exists()


def test_what_is_asked_for_needs_a_file(run: Any, saved: Save) -> None:
    saved("net", NET)
    result = run("weights", "net.onnx", "--deduplicate")
    assert result.exit_code == 2
    assert "say where the new model goes, for example -o net_new.onnx" in result.stderr
    assert run("weights", "net.onnx", "--deduplicate", "--dry-run").exit_code == 0


def test_more_than_one_file_takes_is_not_embedded(
    run: Any, saved: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved("net", NET)
    monkeypatch.setattr(command, "_MOST_INSIDE", 20)
    result = run("weights", "net.onnx", "-o", "out.onnx", "--embed")
    assert result.exit_code == 2
    assert flat(result.stderr) == (
        "Error: the weights take 36 B, and a file with its weights inside takes 2 GB at most; put "
        "them beside it with --externalize"
    )
