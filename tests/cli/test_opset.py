"""opset on the command line: what it prints, what it writes, and what it refuses to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool import schemas
from pyonnxtool.downgrade.adapters import ADAPTERS

Golden = Callable[[str, str], None]

NET = """<ir_version: 8, opset_import: ["" : 18]>
net (float[n,6] x) => (float[n,1] y, float[n,6] z)
<float[6,6] w = {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4,
 5, 6, 1, 2, 3, 4, 5, 6}, int64[1] axes = {-1}> {
  [fc] h = MatMul (x, w)
  [act] a = Sigmoid (h)
  [mean] y = ReduceMean (a, axes)
  [top] m = ReduceMax (a, axes)
  [less] z = Sub (a, m)
}"""

TEXT = """<ir_version: 10, opset_import: ["" : 21]>
text (string[n] a, string[n] b, float[n] x, int64[1] axes) => (string[n] c, float[n] y) {
  [one] s = StringConcat (a, b)
  [two] t = StringConcat (s, b)
  [three] u = StringConcat (t, b)
  [four] v = StringConcat (u, b)
  [five] c = StringConcat (v, b)
  [act] y = Relu (x)
}"""


@pytest.fixture
def net(saved: Callable[[str, str], Path]) -> Path:
    return saved("net", NET)


@pytest.fixture
def text(saved: Callable[[str, str], Path]) -> Path:
    return saved("text", TEXT)


def error(result: Any) -> str:
    assert result.exit_code == 2, result.stdout
    assert result.stdout == ""
    return re.sub(r"\s+", " ", result.stderr.rpartition("Error: ")[2]).strip()


def test_down(net: Path, run: Any, golden: Golden) -> None:
    result = run("opset", "net.onnx", "-o", "out.onnx", "--to", "17")
    assert result.exit_code == 0, result.stderr
    golden("opset", result.stdout)
    onnx.checker.check_model(str(net.with_name("out.onnx")), full_check=True)
    assert pot.load(net.with_name("out.onnx")).opset_imports == {"": 17}


def test_up(net: Path, run: Any, golden: Golden) -> None:
    assert run("opset", "net.onnx", "-o", "old.onnx", "--to", "11", "-q").exit_code == 0
    result = run("opset", "old.onnx", "-o", "new.onnx", "--to", "18", "-v")
    assert result.exit_code == 0, result.stderr
    golden("opset_up", result.stdout)
    onnx.checker.check_model(str(net.with_name("new.onnx")), full_check=True)


def test_for_a_runtime(net: Path, run: Any, golden: Golden) -> None:
    result = run("opset", "net.onnx", "-o", "out.onnx", "--runtime", "ort-1.8.1")
    assert result.exit_code == 0, result.stderr
    golden("opset_runtime", result.stdout)
    made = pot.load(net.with_name("out.onnx"))
    assert (made.opset_imports, made.ir_version) == ({"": 14}, 7)


def test_what_a_runtime_takes_already_comes_back_as_it_was(net: Path, run: Any) -> None:
    result = run("opset", "net.onnx", "-o", "out.onnx", "--runtime", "onnxruntime-1.31")
    assert result.stdout.splitlines()[0] == (
        "the same: net.onnx is of opset 18 already, and onnxruntime-1.31 takes it"
    )
    assert net.with_name("out.onnx").read_bytes() == net.read_bytes()
    again = run("opset", "net.onnx", "-o", "net.onnx", "--to", "18", "-q")
    assert again.stdout == "the same: net.onnx is of opset 18 already\n"


def test_every_refusal_is_told_with_what_would_help(text: Path, run: Any, golden: Golden) -> None:
    result = run("opset", "text.onnx", "-o", "out.onnx", "--to", "11")
    assert result.exit_code == 1
    assert result.stdout == ""
    golden("opset_refused", result.stderr)
    assert [path.name for path in text.parent.iterdir()] == ["text.onnx"]


def test_a_dry_run_runs_and_writes_nothing(
    net: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("nothing is run")

    monkeypatch.setattr("pyonnxtool.verification.verify", refuse)
    for words in (["--dry-run"], ["-o", "out.onnx", "--no-verify"]):
        result = run("opset", "net.onnx", "--to", "13", *words)
        assert result.exit_code == 0, result.stderr
        assert "; not verified" in result.stdout
    assert net.with_name("out.onnx").is_file()


def test_json(net: Path, run: Any) -> None:
    words = ["--runtime", "tensorrt-8.6", "--samples", "2", "--json", "map.json"]
    result = run("opset", "net.onnx", "-o", "out.onnx", "--format", "json", *words)
    told = json.loads(result.stdout)
    jsonschema.validate(told, schemas.load("opset"))
    assert json.loads(net.with_name("map.json").read_text()) == told
    assert (told["opset_before"], told["opset"], told["ir_version"]) == (18, 17, 8)
    assert told["runtime"]["name"] == "tensorrt-8.6"
    assert told["runtime"]["source"].startswith("https://")
    assert told["rules"]["y"].startswith("ReduceMean 18: ")
    assert told["verification"]["samples"] == 4, "at two sizes each"
    assert told["verification"]["backends"] == ["onnxruntime", "onnxruntime"]
    assert told["written"] == ["out.onnx"]


def test_weights_stay_where_they_are(net: Path, run: Any) -> None:
    words = ["--to", "17", "--weights", "link", "-q"]
    proto = onnx.load(net)
    large = onnx.helper.make_tensor("large", 1, [6, 4096], bytes(4 * 6 * 4096), raw=True)
    proto.graph.initializer.append(large)
    proto.graph.node.add(op_type="MatMul", input=["z", "large"], output=["more"])
    proto.graph.output.append(onnx.helper.make_tensor_value_info("more", 1, ["n", 4096]))
    onnx.save(proto, net)
    assert run("opset", "net.onnx", "-o", "out.onnx", *words).exit_code == 0
    assert net.with_name("out.onnx").stat().st_size < 4096 < net.stat().st_size
    assert run("diff", "net.onnx", "out.onnx", "-q").exit_code == 0


def test_diff_and_bisect_through_the_report(net: Path, run: Any) -> None:
    assert (
        run("opset", "net.onnx", "-o", "out.onnx", "--to", "9", "--json", "map.json").exit_code == 0
    )
    for command in ("diff", "bisect"):
        result = run(command, "net.onnx", "out.onnx", "--map", "map.json", "-q")
        assert result.exit_code == 0, (result.stdout, result.stderr)
        assert "same" in result.stdout


def test_output_onto_the_input_and_over_other_files(net: Path, run: Any) -> None:
    other = net.with_name("other.onnx")
    other.write_bytes(b"mine")
    assert error(run("opset", "net.onnx", "-o", "other.onnx", "--to", "17")) == (
        "other.onnx exists; give --force to replace it, or another name"
    )
    assert other.read_bytes() == b"mine"
    assert run("opset", "net.onnx", "-o", "net.onnx", "--to", "17").exit_code == 0
    assert pot.load(net).opset_imports == {"": 17}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "say to which opset: --to 13, or --runtime onnxruntime-1.8"),
        (["--to", "13", "--runtime", "ort-1.8"], "give one of them: --to 13, or --runtime "
         "onnxruntime-1.8"),
        (["--to", "0"], "there is no way to opset 0: give one from 7 to 28"),
        (["--to", "6"], "there is no way to opset 6: give one from 7 to 28"),
        (["--to", "-1"], "there is no way to opset -1: give one from 7 to 28"),
        (["--to", "99"], "there is no way to opset 99: give one from 7 to 28, the newest that the "
         "onnx package knows here"),
        (["--to", "many"], "Invalid value for '--to': 'many' is not a valid integer."),
        (["--runtime", "onxruntime-1.8"], "no runtime is called 'onxruntime-1.8'; did you mean "
         "onnxruntime-1.8, "),
        (["--runtime", "onnxruntime"], "onnxruntime: which release; known are 1.0, 1.1, "),
        (["--runtime", "tensorrt-3"], "tensorrt: there is nothing known of its release '3'; known "
         "are 5.1, 6.0, "),
        (["--runtime", "zzz"], "no runtime is called 'zzz'; there are releases of cann, "),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_what_would(
    words: list[str], message: str, net: Path, run: Any
) -> None:
    assert error(run("opset", "net.onnx", "--dry-run", *words)).startswith(message)
    assert [path.name for path in net.parent.iterdir()] == ["net.onnx"]


def test_a_model_without_standard_operators(net: Path, run: Any) -> None:
    proto = onnx.load(net)
    del proto.opset_import[:]
    proto.opset_import.add(domain="vendor", version=3)
    onnx.save(proto, net)
    assert error(run("opset", "net.onnx", "--dry-run", "--to", "13")) == (
        "the model imports no opset of ai.onnx, only vendor 3: there is nothing to convert"
    )


def test_a_difference_is_refused_with_the_adapter(
    net: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = ADAPTERS["ReduceMean", 18]

    def wrong(node: Any, tape: Any) -> Any:
        """18 -> 17: the largest one is taken."""
        change = right(node, tape)
        return type(change)(change.drop, change.attributes, change.inputs, "ReduceMax")

    monkeypatch.setitem(ADAPTERS._entries, ("ReduceMean", 18), wrong)
    result = run("opset", "net.onnx", "-o", "out.onnx", "--to", "17")
    assert result.exit_code == 1
    told = re.sub(r"\s+", " ", result.stderr)
    assert "opset 17 was refused for 2 reasons; nothing is written" in told
    assert "- output 'y' differs: max abs " in told
    assert "- node 'mean' (ReduceMax): " in told
    assert "[ReduceMean 18: the largest one is taken]" in told
    assert "lowest opset" not in told
    assert [path.name for path in net.parent.iterdir()] == ["net.onnx"]
