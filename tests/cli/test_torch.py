"""The check that teams run before they quantize: PyTorch against its export, from the shell."""

from __future__ import annotations

import re
from pathlib import Path

import onnx
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from support.torch_models import export

pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings("ignore")]

MODULE = """
from support.torch_models import network

def make_model():
    return network("text")
"""


@pytest.fixture
def model(run, tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(MODULE)
    made = export("text", "ts17")
    onnx.save(made, tmp_path / "good.onnx")
    node = next(node for node in made.graph.node if node.op_type == "Erf")
    node.op_type = "Tanh"
    onnx.save(made, tmp_path / "bad.onnx")
    return tmp_path


def test_a_good_export_is_the_same_on_many_samples(run, model: Path) -> None:
    done = run("diff", "net.py:make_model@torch", "good.onnx", "--samples", "12")
    assert done.exit_code == 0
    assert re.search(
        r"same: 1 final output within tolerance on 12 samples; the worst is sample \d+", done.output
    )
    assert re.search(r"Values  in graph order, of the worst samples: \d+, \d+, \d+\n", done.output)
    assert max(map(len, done.output.splitlines())) <= 100


def test_a_bad_export_leads_to_bisect(run, model: Path) -> None:
    done = run("diff", "net.py:make_model@torch", "bad.onnx", "--samples", "12")
    assert done.exit_code == 1
    assert re.search(r"times what is\s+allowed, in\s+sample \d+, the worst\s+of\s+12", done.output)
    advice = "pyonnxtool bisect net.py:make_model@torch bad.onnx --samples 12"
    assert advice in done.output
    named = run(*advice.split()[1:])
    assert named.exit_code == 1
    assert "fault: node `/layers.0/mlp/mlp.1/Erf` (Tanh) introduces the difference" in named.output
    assert re.search(r"module +layers.0.mlp.1\n", named.output)
    unwrapped = " ".join(named.output.split())  # the path may be long
    assert re.search(r"source \S*torch_models.py:\d+: return x \+ self.mlp\(", unwrapped)
    assert re.search(r"PyTorch computes a step \(erf\) of gelu\(", named.output)


def test_a_network_and_an_onnx_file_mixed_up(run, model: Path) -> None:
    done = run("diff", "net.py:no_model@torch", "good.onnx")
    assert done.exit_code == 2
    assert "net.py has no function 'no_model'; it has make_model" in done.output
    done = run("diff", "net.py:make_model@torch")
    assert done.exit_code == 2
    assert "give the ONNX model that was exported from it as CAND" in done.output
