"""assert_close: silent when models agree, and a short text with the culprit when they do not."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import pyonnxtool as pot
from support.fresh_process import environment

FEEDS = {"x": np.linspace(0.1, 1.0, 8, dtype=np.float32).reshape(2, 4)}


def network(bias: float = 0.5) -> onnx.ModelProto:
    """y = Relu(x + bias) * 2."""
    nodes = [
        helper.make_node("Add", ["x", "bias"], ["sum"], name="add"),
        helper.make_node("Relu", ["sum"], ["relu"], name="relu"),
        helper.make_node("Mul", ["relu", "two"], ["y"], name="mul"),
    ]
    weights = [
        helper.make_tensor("bias", TensorProto.FLOAT, [4], [bias] * 4),
        helper.make_tensor("two", TensorProto.FLOAT, [], [2.0]),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 4]) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    paths = str(tmp_path / "good.onnx"), str(tmp_path / "bad.onnx")
    for path, bias in zip(paths, (0.5, 0.75), strict=True):
        onnx.save(network(bias), path)
    return paths


def told(*arguments: Any, **options: Any) -> list[str]:
    with pytest.raises(AssertionError) as error:
        pot.assert_close(*arguments, **options)
    return str(error.value).splitlines()


def test_models_that_agree_pass_in_silence(
    pair: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert pot.assert_close(pair[0], pair[0], inputs=FEEDS) is None
    assert capfd.readouterr() == ("", "")


def test_what_the_tolerance_allows_passes(pair: tuple[str, str]) -> None:
    pot.assert_close(*pair, inputs=FEEDS, atol=1.0)
    pot.assert_close(*pair, inputs=FEEDS, rtol=["y=0.9"])


def test_the_message_names_the_culprit_and_how_to_see_it_again(pair: tuple[str, str]) -> None:
    good, bad = pair
    lines = told(good, bad, dims={"n": 2}, rtol=1e-3, samples=2)
    assert lines[:5] == [
        f"{bad} is not close to {good}",
        "fault: node `add` (Add) introduces the difference",
        "  why        weight 'bias' (input 1) differs in 4 of 4 elements, by up to 0.25",
        "  makes      sum",
        lines[4],
    ]
    assert lines[4].startswith("  introduces max abs 2.50e-01")
    assert any(line.startswith("  output     y: max abs 5.00e-01, allowed ") for line in lines)
    again = f"pyonnxtool bisect {good} {bad} --samples 2 --rtol 0.001 --dim n=2"
    assert lines[-1] == f"  reproduce  {again}"
    assert max(map(len, (line.replace(good, "").replace(bad, "") for line in lines))) <= 100


def test_models_and_arrays_of_this_process_are_told_apart_from_files() -> None:
    lines = told(network(), (network(0.75), "ort:all"), inputs=FEEDS)
    assert lines[-1] == (
        "  reproduce  pyonnxtool bisect REF CAND@ort:all --inputs INPUTS  (REF is the reference, "
        "saved as a file; CAND is the candidate, saved as a file; INPUTS is an .npz of the inputs)"
    )


def test_the_command_holds_what_was_asked_for(pair: tuple[str, str], tmp_path: Path) -> None:
    np.savez(tmp_path / "feeds.npz", **FEEDS)
    lines = told(*pair, inputs=tmp_path / "feeds.npz", atol=["*=1e-9", "y=1e-8"], seed=4)
    assert lines[-1].endswith(
        f"--inputs {tmp_path / 'feeds.npz'} --seed 4 --atol '*=1e-9' --atol y=1e-8"
    )
    lines = told(
        *pair, shapes={"x": (3, 4)}, all_faults=True, value_map=[("sum", "sum"), "relu=relu"]
    )
    assert lines[-1].endswith("--all --map sum=sum --map relu=relu --shape x=3,4")


def test_the_command_line_has_these_options() -> None:
    from pyonnxtool.assertion import _FLAGS
    from pyonnxtool.cli.bisect import command

    flags = {flag for option in command.params for flag in option.opts}
    assert {f"--{flag}" for flag in _FLAGS.values()} <= flags
    assert set(_FLAGS) <= set(inspect.signature(pot.bisect).parameters)


def test_a_model_by_itself_is_compared_with_its_optimized_self(pair: tuple[str, str]) -> None:
    pot.assert_close(pair[0], inputs=FEEDS)


def test_what_cannot_be_judged_fails(tmp_path: Path) -> None:
    noise = helper.make_node("RandomNormalLike", ["x"], ["y"], name="noise")
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [4]) for n in ("x", "y")]
    graph = helper.make_graph([noise], "net", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "random.onnx")
    path = str(tmp_path / "random.onnx")
    lines = told(path, path, inputs={"x": np.ones(4, np.float32)})
    assert lines[0] == f"{path} and {path} cannot be compared"
    assert lines[1].startswith("inconclusive: ")


def test_users_mistakes_are_no_assertions(tmp_path: Path) -> None:
    with pytest.raises(pot.UsageError, match="there is no such file"):
        pot.assert_close(str(tmp_path / "none.onnx"), network())


TEST_FILE = """
import pyonnxtool as pot

def test_export():
    pot.assert_close("good.onnx", "bad.onnx", dims={"n": 2})

def test_rich_stays_out():
    import sys
    pot.assert_close("good.onnx", "good.onnx", dims={"n": 2})
    assert not {"rich", "click", "jinja2"} & set(sys.modules)
"""


def test_pytest_shows_the_test_and_the_message_only(pair: tuple[str, str]) -> None:
    folder = Path(pair[0]).parent
    (folder / "test_export.py").write_text(TEST_FILE)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_export.py"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "1 failed, 1 passed" in run.stdout
    shown = [line for line in run.stdout.splitlines() if line.startswith(("E ", "test_export.py:"))]
    assert shown[0] == "E       AssertionError: bad.onnx is not close to good.onnx"
    assert "fault: node `add` (Add) introduces the difference" in shown[1]
    assert shown[-1] == "test_export.py:5: AssertionError"
    assert "assertion.py" not in run.stdout
