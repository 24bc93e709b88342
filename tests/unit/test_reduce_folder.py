"""What reduce writes: backend-test data, a program that shows it in a fresh process, an issue."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pyonnxtool.divergence.reduced import repro_folder
from pyonnxtool.divergence.reduced.repro_issue import environment, fenced
from pyonnxtool.errors import UsageError
from pyonnxtool.feeds import load_feeds
from pyonnxtool.model import load
from pyonnxtool.reduction import reduce
from support.crashing import crash_onnxruntime
from support.parsed import parsed

X = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
NET = """g (float[N,8] x) => (float[N,8] y) {
  a = Softmax <axis = 1> (x)  b = Sub (a, x)  c = Tanh (b)  y = Neg (c) }"""
BAD = NET.replace("Tanh (b)", "Sin (b)")


def shown(folder: Path) -> subprocess.CompletedProcess[str]:
    """The program, in a fresh process that does not see this package."""
    return subprocess.run(
        [sys.executable, "-I", str(folder / "repro.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder.parent,
        timeout=120,
    )


def tensor(path: Path) -> tuple[str, Any]:
    proto = onnx.TensorProto.FromString(path.read_bytes())
    return proto.name, numpy_helper.to_array(proto)


def test_it_is_a_backend_test_with_a_program_that_shows_the_difference(tmp_path: Path) -> None:
    report = reduce(parsed(NET), parsed(BAD), inputs={"x": X}, folder=tmp_path / "out")
    out = tmp_path / "out"
    assert report.files == (
        "model.onnx",
        "reference.onnx",
        "repro.py",
        "test_data_set_0/candidate_output_0.pb",
        "test_data_set_0/input_0.pb",
        "test_data_set_0/output_0.pb",
        "ISSUE.md",
    )
    for name in ("model.onnx", "reference.onnx"):
        onnx.checker.check_model(out / name, full_check=True)
    data = out / "test_data_set_0"
    (_, b), (name, wanted), (_, got) = (
        tensor(data / f"{kind}_0.pb") for kind in ("input", "output", "candidate_output")
    )
    assert name == "c"
    np.testing.assert_allclose(wanted, np.tanh(b), rtol=1e-5)
    np.testing.assert_allclose(got, np.sin(b), rtol=1e-5)
    assert list(load_feeds(out, load(out / "model.onnx"))[0]) == ["b"]
    told = shown(out)
    assert told.returncode == 1, told.stderr
    assert told.stdout.startswith("c: largest |difference| 0.")
    assert not list(tmp_path.glob(".out*"))


def test_the_program_says_when_it_is_gone(tmp_path: Path) -> None:
    reduce(parsed(NET), parsed(BAD), inputs={"x": X}, folder=tmp_path / "out")
    (tmp_path / "out" / "model.onnx").write_bytes((tmp_path / "out/reference.onnx").read_bytes())
    assert shown(tmp_path / "out").returncode == 0


def test_sides_with_other_names_have_their_own_data(tmp_path: Path) -> None:
    ours = """g (float[N,8] q) => (float[N,8] y) {
      a = Softmax <axis = 1> (q)  p = Sub (a, q)  c = Tanh (p)  y = Neg (c) }"""
    reduce(
        parsed(ours),
        parsed(BAD.replace("float[", "float16[")),
        inputs={"q": X},
        folder=tmp_path / "out",
    )
    name, array = tensor(tmp_path / "out/reference_data_set_0/input_0.pb")
    assert (name, array.dtype) == ("p", np.float32)
    name, array = tensor(tmp_path / "out/test_data_set_0/input_0.pb")
    assert (name, array.dtype) == ("b", np.float16)
    assert shown(tmp_path / "out").returncode == 1


def test_the_issue_can_be_pasted(tmp_path: Path) -> None:
    reduce(parsed(NET), parsed(BAD), inputs={"x": X}, folder=tmp_path / "out")
    text = (tmp_path / "out" / "ISSUE.md").read_text()
    assert text.startswith("# Sin differs\n")
    for part in (
        "The model was reduced from 4 nodes to 1 node",
        "python repro.py",
        "  c = Sin(b)",
        "  c = Tanh(b)",
        "Inputs: `b float32[3, 8]`",
        "| `c` | float32 | 3x8 | 0.",
        f"- onnx {onnx.__version__}",
        f"- numpy {np.__version__}",
    ):
        assert part in text
    assert {"onnxruntime", "onnx", "numpy", "openvino"} <= {
        line.split()[0] for line in environment({"openvino"})
    }


def test_names_cannot_break_the_markdown(tmp_path: Path) -> None:
    evil = "a|`b`\n# <script>"
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{BAD}')
    for node in proto.graph.node:
        node.output[:] = [evil if name == "c" else name for name in node.output]
        node.input[:] = [evil if name == "c" else name for name in node.input]
    reduce(parsed(NET), proto, inputs={"x": X}, folder=tmp_path / "out")
    text = (tmp_path / "out" / "ISSUE.md").read_text()
    outside = "".join(part for at, part in enumerate(text.split("```")) if at % 2 == 0)
    assert "<script>" not in outside.replace("\\<script\\>", "").replace("`a\\|'b' # <script>`", "")
    assert fenced("a ``` b").startswith("````\n")


@pytest.mark.parametrize(
    ("graph", "keep", "told"),
    [
        (
            "g (float[N,8] x) => (float[N,8] y) { a = Neg (x)  s = Sqrt (a)  y = Relu (s) }",
            "nan",
            "elements are NaN or Inf",
        ),
        (
            """g (float[N,8] x) => (float[N,7] y) <int64[2] s = {3, 7}>
            { a = Neg (x)  y = Reshape (a, s) }""",
            "crashes",
            "the runtime's process ended with exit code 1",
        ),
    ],
)
def test_the_program_shows_nan_and_errors(graph: str, keep: str, told: str, tmp_path: Path) -> None:
    report = reduce(parsed(graph), keep=keep, inputs={"x": np.abs(X) + 1}, folder=tmp_path / "out")
    assert report.notes == ()
    ended = shown(tmp_path / "out")
    assert ended.returncode == 1, ended.stderr
    assert told in ended.stdout


def test_the_program_survives_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash_onnxruntime(tmp_path, monkeypatch, "segfault", needs=[b"Sin"])
    report = reduce(parsed(NET), parsed(BAD), inputs={"x": X}, folder=tmp_path / "out")
    assert (report.kept, report.nodes[0].op_type) == ("crashes", "Sin")
    ended = subprocess.run(
        [sys.executable, str(tmp_path / "out" / "repro.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "ended with exit code -11" in ended.stdout


def test_the_program_asks_the_command_again(tmp_path: Path) -> None:
    script = tmp_path / "check.py"
    script.write_text("import sys\nsys.exit(int(b'Tanh' in open(sys.argv[1], 'rb').read()))\n")
    reduce(
        parsed(NET),
        check=f"{sys.executable} {script} {{model}}",
        inputs={"x": X},
        folder=tmp_path / "out",
    )
    assert (tmp_path / "out" / "inputs.npz").is_file()
    assert "the command ended with exit code 1" in shown(tmp_path / "out").stdout
    report = reduce(
        parsed(NET),
        check=lambda model, feeds: any(node.op_type == "Tanh" for node in model.graph.nodes),
        inputs={"x": X},
        folder=tmp_path / "other",
    )
    assert report.notes == ("there is no repro.py: the check was a function, not a command",)


# -- where it may be written ----------------------------------------------------------------------


def test_an_earlier_result_is_replaced_with_force_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    reduce(parsed(NET), parsed(BAD), inputs={"x": X}, folder=out)
    with pytest.raises(UsageError, match=r"exists and is not empty; give --force or another"):
        reduce(parsed(NET), parsed(BAD), inputs={"x": X}, folder=out)
    before = (out / "ISSUE.md").read_text()
    wrong = NET.replace("Neg (c)", "Abs (c)")
    reduce(parsed(NET), parsed(wrong), inputs={"x": X}, folder=out, force=True)
    assert (out / "ISSUE.md").read_text() != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_other_peoples_files_are_never_deleted(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(UsageError, match=r"not empty|holds 'notes.txt', which no earlier run"):
            reduce(parsed(NET), parsed(BAD), inputs={"x": X}, folder=tmp_path, force=force)
    with pytest.raises(UsageError, match=r"is a file; give a folder"):
        reduce(parsed(NET), parsed(BAD), inputs={"x": X}, folder=tmp_path / "notes.txt")
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere"):
        reduce(parsed(NET), parsed(BAD), inputs={"x": X}, folder=tmp_path / "nowhere" / "out")
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("where", ["_write_script", "issue_text", "_put"])
def test_an_interruption_leaves_nothing_half_written(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(repro_folder, where, interrupted)
    with pytest.raises(KeyboardInterrupt):
        reduce(parsed(NET), parsed(BAD), inputs={"x": X}, folder=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_weights_that_do_not_fit_one_message_are_written_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyonnxtool.divergence.reduced import check_command

    monkeypatch.setattr(check_command, "_INSIDE", 0)
    graph = "g (float[3,8] x) => (float[3,64] y) { a = Relu (x)  y = MatMul (a, w) }"
    protos = []
    for seed in (0, 1):
        proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{graph}')
        weight = np.random.default_rng(seed).standard_normal((8, 64)).astype(np.float32)
        proto.graph.initializer.append(numpy_helper.from_array(weight, "w"))
        protos.append(proto)
    report = reduce(*protos, inputs={"x": X}, folder=tmp_path / "out")
    assert {"model.onnx.data", "reference.onnx.data"} <= set(report.files)
    assert shown(tmp_path / "out").returncode == 1
