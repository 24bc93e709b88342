"""What `pyonnxtool surgery` prints and writes: the scripts of the README, and those that fail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import pyonnxtool as pot

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
SECTION = README.partition("### surgery: ")[2].partition("\n### ")[0]
RULES, FUNCTION = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
SCREEN = re.findall(r"```text\n(\$ .*?)```", SECTION, re.DOTALL)[0]


@pytest.fixture
def demo(run: Any) -> None:
    """The models that the README speaks of, and its scripts."""
    assert run("demo", "--keep", ".").exit_code == 0
    Path("rules.py").write_text(RULES)
    Path("head.py").write_text(FUNCTION)


@pytest.mark.usefixtures("demo")
def test_the_rules_of_the_readme(run: Any, golden: Callable[[str, str], None]) -> None:
    line, *lines = SCREEN.splitlines()
    result = run(*line.removeprefix("$ pyonnxtool ").split())
    assert result.exit_code == 0, result.stderr
    shown = [one for one in lines if one not in ("", "…")]
    assert shown == [one for one in result.stdout.splitlines() if one][: len(shown)]
    left = re.sub(r"max abs .*|[0-9.]+ KiB", "…", result.stdout)
    golden("surgery", left)
    assert not [node for node in pot.load("fused.onnx").graph.nodes if "Batch" in node.op_type]


@pytest.mark.usefixtures("demo")
def test_the_function_of_the_readme(run: Any) -> None:
    result = run("surgery", "good.onnx", "head.py", "-o", "good.onnx", "-q")
    assert result.stdout == "surgery: good.onnx, 20 nodes became 19; not verified\n"
    assert [value.name for value in pot.load("good.onnx").graph.outputs] == ["head.fc.out"]


@pytest.mark.usefixtures("demo")
def test_a_function_and_rules(run: Any) -> None:
    line = ("surgery", "good.onnx", "head.py", "rules.py:conv_bn", "-o", "new.onnx")
    result = run(*line, "--format", "json", "--json", "report.json")
    told = json.loads(result.stdout)
    assert told == json.loads(Path("report.json").read_text())
    assert (told["schema"], told["operation"]) == ("pyonnxtool/edit/1", "surgery")
    assert [one["count"] for one in told["changes"]] == [1, 4]
    assert told["notes"] == ["the rules agree on 2 samples"]
    assert told["verification"] is None
    assert told["written"] == ["new.onnx"]
    assert run(*line, "--no-verify", "--force").stdout.count("agree") == 0
    assert run(*line, "--samples", "0", "--force").stdout.count("agree") == 0


@pytest.mark.usefixtures("demo")
def test_a_dry_run(run: Any) -> None:
    result = run("surgery", "good.onnx", "rules.py", "--dry-run")
    assert result.exit_code == 0
    assert "20 nodes became 16; outputs agree" in result.stdout
    result = run("surgery", "good.onnx", "rules.py", "--dry-run", "--samples", "0")
    assert "20 nodes became 16; not verified" in result.stdout
    assert not Path("fused.onnx").exists()


def test_weights_that_are_copied_are_told(run: Any, tmp_path: Path) -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[n] x) => (float[n] y) { y = Relu (x) }'
    )
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(2000, np.float32), "w"))
    proto.graph.node[0].op_type = "Add"
    proto.graph.node[0].input.append("w")
    (tmp_path / "there").mkdir()
    onnx.save(proto, "m.onnx", save_as_external_data=True, location="weights.bin")
    Path("same.py").write_text("def edit(graph):\n    print('about to do nothing')\n")
    result = run("surgery", "m.onnx", "same.py", "-o", "there/m.onnx")
    assert "about to do nothing" in result.stderr
    written = result.stdout.partition("Written")[2].split()
    assert written[0::3] == ["there/m.onnx", "there/weights.bin"]
    result = run("surgery", "m.onnx", "same.py", "-o", "beside.onnx")
    assert result.stdout.partition("Written")[2].split()[0::3] == ["beside.onnx"]


BAD = {
    "wrong.py": "import pyonnxtool as pot\n"
    "@pot.rewrite(lambda op, x: op.Softmax(x))\n"
    "def soft(match, tape):\n    return tape.op('LogSoftmax', match['x'])\n",
    "fails.py": "def edit(graph):\n    x = 1\n    graph.nope\n",
    "empty.py": "def main(): pass\n",
    "syntax.py": "def edit(graph)\n",
}


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["wrong.py"], 1, "surgery was refused for 2 reasons; nothing is written"),
        (["wrong.py"], 1, "[soft]"),
        (["fails.py"], 2, "fails.py: edit failed: AttributeError"),
        (["fails.py"], 2, "(line 3)"),
        (["empty.py"], 2, "empty.py says nothing to do: write a function `def edit(graph)`"),
        (["syntax.py"], 2, "syntax.py cannot be imported: SyntaxError: expected ':'"),
        (["none.py"], 2, "none.py: there is no such file"),
        (["good.onnx"], 2, "good.onnx is no Python file: its name has to end in .py"),
        (["rules.py", "--no-verify", "--samples", "2"], 2, "leave out --no-verify"),
        (["rules.py:bn"], 2, "has no function and no rule called 'bn'; it has conv_bn"),
        ([], 2, "Missing argument 'SCRIPT...'"),
    ],
)
def test_what_fails(run: Any, arguments: list[str], code: int, told: str) -> None:
    for name, text in BAD.items():
        Path(name).write_text(text)
    result = run("surgery", "good.onnx", *arguments, "-o", "new.onnx")
    assert result.exit_code == code
    assert told in " ".join(result.stderr.split())
    assert not Path("new.onnx").exists()
