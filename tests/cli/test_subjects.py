"""Each kind of subject that the README names, through the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from pyonnxtool.cli._demo_model import PLANTED, write_pair

PROGRAM = """
import sys
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("bad.onnx", providers=["CPUExecutionProvider"])
fed = dict(np.load(sys.argv[1]))
np.savez(sys.argv[2], probabilities=session.run(None, fed)[0])
"""


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A folder with the models of the demo, inputs, and what bad.onnx computes from them."""
    write_pair(tmp_path)
    model = onnx.load(tmp_path / "bad.onnx")
    for node in model.graph.node[:-1]:
        model.graph.output.append(helper.make_empty_tensor_value_info(node.output[0]))
    image = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_outputs()]
    values = dict(zip(names, session.run(None, {"image": image}), strict=True))
    np.savez(tmp_path / "feeds.npz", image=image)
    np.savez(tmp_path / "run.npz", **values)
    (tmp_path / "run").mkdir()
    for name, value in values.items():
        np.save(tmp_path / "run" / f"{name}.npy", value)
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


BACKENDS = [
    *("ort", "ort:none", "ort:basic", "ort:extended", "ort:CPUExecutionProvider"),
    *("reference", "fp64"),
]


@pytest.mark.parametrize("subject", [f"good.onnx@{backend}" for backend in BACKENDS])
def test_the_same_model_on_another_backend(subject: str, run: Any, pair: Path) -> None:
    result = run("diff", "good.onnx", subject, "--dim", "batch=1")
    assert result.exit_code == 0, result.output
    assert subject in result.stdout


@pytest.mark.parametrize("recorded", ["run.npz", "run/"])
def test_values_that_were_computed_elsewhere(recorded: str, run: Any, pair: Path) -> None:
    result = run("bisect", "good.onnx", recorded, "--inputs", "feeds.npz")
    assert result.exit_code == 1, result.output
    assert f"`{PLANTED}`" in result.stdout


def test_a_program(run: Any, pair: Path) -> None:
    program = f'cmd:"{sys.executable}" program.py {{inputs}} {{outputs}}'
    result = run("diff", "good.onnx", program, "--inputs", "feeds.npz", "-q")
    assert result.exit_code == 1, result.output
    assert "output `probabilities` is off" in result.stdout


def test_one_model_is_compared_with_itself_optimized(run: Any, pair: Path) -> None:
    result = run("diff", "good.onnx", "--dim", "batch=1")
    assert result.exit_code == 0
    assert "reference  good.onnx@ort:none\ncandidate  good.onnx@ort:all\n" in result.stdout
