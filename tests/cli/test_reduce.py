"""`pyonnxtool reduce` and `bisect --repro` as users run them: lines, report, codes, folders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from pyonnxtool.cli.reduce import default_folder
from support.crashing import crash_onnxruntime
from support.fresh_process import environment, run_python

NET = """<ir_version: 8, opset_import: ["" : 17]>
g (float[N,8] x) => (float[N,8] y) {
  a = Softmax <axis = 1> (x)  b = Sub (a, x)  c = Tanh (b)  d = Exp (c)  y = Neg (d) }"""


@pytest.fixture(autouse=True)
def models(tmp_path: Path) -> None:
    for name, text in (("good", NET), ("bad", NET.replace("axis = 1", "axis = 0"))):
        onnx.save(onnx.parser.parse_model(text), tmp_path / f"{name}.onnx")
    x = np.random.default_rng(0).standard_normal((2, 8)).astype(np.float32)
    np.savez(tmp_path / "feeds.npz", x=x)


def test_the_report_says_what_is_left_and_where_it_is(run: Any, tmp_path: Path) -> None:
    result = run("reduce", "good.onnx", "bad.onnx", "--inputs", "feeds.npz")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "reduced: 1 of 5 nodes is left, still diverging: Softmax `a`"
    assert "    a = Softmax(x) {axis=0}" in lines
    assert "    a = Softmax(x) {axis=1}" in lines
    assert "Written to bad_reduced" in lines
    assert "python bad_reduced/repro.py shows it and exits with 1" in result.stdout
    assert max(map(len, lines)) <= 100
    assert (tmp_path / "bad_reduced" / "ISSUE.md").is_file()


def test_each_run_is_a_line_on_stderr(run: Any) -> None:
    result = run("reduce", "good.onnx", "bad.onnx", "--inputs", "feeds.npz")
    first, *_ = result.stderr.splitlines()
    assert first.startswith("run   1:      5 of 5 nodes  still there: y differs by ")
    quiet = run("reduce", "good.onnx", "bad.onnx", "--inputs", "feeds.npz", "-q", "-o", "q")
    assert quiet.stderr == ""
    assert quiet.stdout == "reduced: 1 of 5 nodes is left, still diverging: Softmax `a`\n"
    silent = run("reduce", "good.onnx", "bad.onnx", "--no-progress", "-o", "s")
    assert silent.stderr == ""


def test_json_has_its_schema(run: Any, tmp_path: Path) -> None:
    arguments = ("reduce", "good.onnx", "bad.onnx", "--inputs", "feeds.npz", "-o", "out")
    data = json.loads(run(*arguments, "--format", "json", "--json", "r.json").stdout)
    assert data == json.loads((tmp_path / "r.json").read_text())
    assert data["schema"] == "pyonnxtool/reduce/1"
    assert data["verdict"] == "reduced"
    assert data["kept"] == "diverges"
    assert data["nodes"] == [{"node": "a", "op_type": "Softmax", "domain": ""}]
    assert (data["nodes_before"], data["folder"]) == (5, "out")
    assert "repro.py" in data["files"]


def test_a_command_decides(run: Any, tmp_path: Path) -> None:
    (tmp_path / "check.py").write_text(
        "import sys\nsys.exit(int(b'Tanh' in open(sys.argv[1], 'rb').read()))\n"
    )
    result = run("reduce", "good.onnx", "--check", f"{sys.executable} check.py", "-o", "out")
    assert result.exit_code == 0, result.output
    assert "1 of 5 nodes is left, still failing the check: Tanh `c`" in result.stdout
    assert "run   1:      5 of 5 nodes  still there: the command ended" in result.stderr


def test_a_crash_of_the_runtime_does_not_take_the_command_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_onnxruntime(tmp_path, monkeypatch, "segfault", needs=[b"Sub", b"Exp"])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]]))
    result = subprocess.run(
        [sys.executable, "-m", "pyonnxtool", "reduce", "good.onnx", "-o", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert "2 of 5 nodes are left, still failing: Sub `b`, Exp `d`" in result.stdout
    assert "killed by SIGSEGV" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("good.onnx", "good.onnx"), 2, "there is nothing to reduce: the outputs of good.onnx"),
        (("good.onnx", "--while", "crashes"), 2, "good.onnx@ort:all runs to its end"),
        (("good.onnx", "--while", "slow"), 2, "'slow' is not one of"),
        (("good.onnx", "--check", "no-such-program"), 2, "there is no program 'no-such-program'"),
        (("good.onnx", "--check", "true"), 2, "--check says that the whole model is good"),
        (("good.onnx", "none.onnx"), 2, "none.onnx: there is no such file"),
        (("good.onnx", "bad.onnx", "--timeout", "0"), 2, "0.0 is not in the range x>0"),
        (("good.onnx", "bad.onnx", "-o", "feeds.npz"), 2, "'feeds.npz' is a file"),
        (("good.onnx", "bad.onnx", "-o", "no/where"), 2, "there is no folder"),
        (("good.onnx", "bad.onnx", "--json", "feeds.npz"), 2, "feeds.npz exists; give --force"),
        (("feeds.npz",), 2, "feeds.npz holds values; name the model that is to be reduced"),
    ],
)
def test_what_cannot_be_reduced(
    arguments: tuple[str, ...], code: int, told: str, run: Any, tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    result = run("reduce", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr
    assert "Traceback" not in result.output
    assert sorted(tmp_path.iterdir()) == before


def test_an_earlier_folder_is_refused_before_anything_runs(run: Any) -> None:
    run("reduce", "good.onnx", "bad.onnx", "-o", "out")
    result = run("reduce", "good.onnx", "bad.onnx", "-o", "out")
    assert result.exit_code == 2
    assert result.stderr == "Error: out exists and is not empty; give --force or another folder\n"
    assert run("reduce", "good.onnx", "bad.onnx", "-o", "out", "--force").exit_code == 0


def test_the_folder_is_named_after_the_model() -> None:
    assert default_folder("models/bert.onnx@ort:all") == Path("bert_reduced")
    assert default_folder("bert.onnx") == Path("bert_reduced")


# -- bisect --repro -------------------------------------------------------------------------------


def test_bisect_writes_the_culprit(run: Any, tmp_path: Path) -> None:
    result = run("bisect", "good.onnx", "bad.onnx", "--inputs", "feeds.npz", "--repro", "out")
    assert result.exit_code == 1, result.output
    assert result.stdout.startswith("fault: node `a` (Softmax) introduces the difference")
    assert "Written to out" in result.stdout
    assert len(onnx.load(tmp_path / "out" / "model.onnx").graph.node) == 1
    ended = run_python(str(tmp_path / "out" / "repro.py"), cwd=tmp_path)
    assert ended.returncode == 1


def test_bisect_has_nothing_to_write_without_a_culprit(run: Any, tmp_path: Path) -> None:
    result = run("bisect", "good.onnx", "good.onnx", "--repro", "out")
    assert result.exit_code == 0
    assert "nothing was written to out: no node is to blame" in result.stderr
    assert not (tmp_path / "out").exists()
    result = run("bisect", "good.onnx", "bad.onnx", "--repro", ".")
    assert result.exit_code == 2
    assert "is not empty" in result.stderr


# -- endings --------------------------------------------------------------------------------------


def test_a_command_may_look_at_both_models(run: Any, tmp_path: Path) -> None:
    (tmp_path / "check.py").write_text(
        "import sys\n"
        "ours, theirs = (open(path, 'rb').read() for path in sys.argv[1:3])\n"
        "sys.exit(int(b'Softmax' in ours and b'Softmax' in theirs and ours != theirs))\n"
    )
    command = f"{sys.executable} check.py {{reference}} {{model}}"
    result = run("reduce", "good.onnx", "bad.onnx", "--check", command, "-o", "out")
    assert result.exit_code == 0, result.output
    assert "1 of 5 nodes is left, still failing the check: Softmax `a`" in result.stdout
    assert (tmp_path / "out" / "reference.onnx").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a terminal")
def test_an_interruption_leaves_no_folder_behind(tmp_path: Path) -> None:
    (tmp_path / "check.py").write_text(
        "import pathlib, sys, time\npathlib.Path('asked').touch()\ntime.sleep(60)\nsys.exit(1)\n"
    )
    words = ["reduce", "good.onnx", "--check", f"{sys.executable} check.py", "-o", "out"]
    child = subprocess.Popen(
        [sys.executable, "-m", "pyonnxtool", *words],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    before = sorted(path.name for path in tmp_path.iterdir())
    while not (tmp_path / "asked").exists():
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, told = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert told.endswith("Interrupted.\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "asked"])
