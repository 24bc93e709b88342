"""What `pyonnxtool export` prints, writes and refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import pyonnxtool as pot
from support.fresh_process import run_python

MODULE = """
import torch
from torch import nn
from support import torch_operators

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Sequential(nn.Dropout(), nn.Linear(3, 4))

    def forward(self, x, scale=None):
        print("in forward")
        return self.head(x) if scale is None else self.head(x) * scale

class Custom(nn.Module):
    def forward(self, x):
        return torch.ops.pot_test.every(x, None, [], 2.0)[0]

def make_model():
    return Net()

def with_example():
    return Net(), (torch.randn(2, 3),), {"scale": torch.ones(4)}

def custom():
    return Custom(), torch.randn(2, 3)

def broken():
    raise ValueError("weights are missing")

def number():
    return 7
"""


@pytest.fixture
def net(run: Any, tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(MODULE)
    return path


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("net.onnx -o m.onnx", "net.onnx is an ONNX model already; export wants FILE.py:FUNCTION"),
        ("net.pt -o m.onnx", "net.pt holds weights: write a function that makes the module and"),
        ("net -o m.onnx", "net is no FILE.py:FUNCTION; give one such as net.py:make_model"),
        ("no.py:make -o m.onnx", "no.py is not there; export wants FILE.py:FUNCTION"),
        ("net.py:make", "say where the new model goes, for example -o net_new.onnx"),
        ("net.py:make -o net.py --force", "-o net.py is the file of the module; give another"),
        ("net.py:make -o no/m.onnx", "no/m.onnx: there is no folder"),
        ("net.py:make -o m.onnx --weights link", "there is no file to link weights to; take"),
        ("net.py:make -o m.onnx --input x", "'x' is not NAME=SIZES[:TYPE]; write a parameter of"),
        ("net.py:make -o m.onnx --input x=1,?", "'x=1,?' is not NAME=SIZES[:TYPE]"),
        ("net.py:make -o m.onnx --input x=1 --input x=2", "'x' is given twice; give one shape"),
        ("net.py:make -o m.onnx --dynamic x=1,3", "'x=1,3' is not NAME=SIZES with a size that"),
        ("net.py:make -o m.onnx --dynamic x[0]=a,b", "'x[0]=a,b' is not NAME=SIZES"),
        ("net.py:make -o m.onnx --dynamic x=a,b --dynamic x[0]=c", "'x' is given twice; give all"),
        ("net.py:make -o m.onnx --dim batch", "'batch' is not NAME=SIZE"),
    ],
)
def test_what_is_asked_wrongly(line: str, told: str, run: Any, net: Path) -> None:
    (net.parent / "net.onnx").touch()
    result = run("export", *line.split())
    assert (result.exit_code, result.exception.__class__) == (2, SystemExit)
    assert told.replace("'x' is given twice; give all", "is given twice; give all") in result.stderr
    assert not Path("m.onnx").exists()


def test_without_torch(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(MODULE)
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    line = ("-m", "pyonnxtool", "export", "net.py:make_model", "-o", "m.onnx", "--input", "x=1,3")
    done = run_python(*line, cwd=tmp_path)
    told = "Error: PyTorch is not installed; pip install 'pyonnxtool[torch]'\n"
    assert (done.returncode, done.stderr, done.stdout) == (2, told, "")


@pytest.fixture
def torch(net: Path) -> Any:
    pytest.importorskip("onnxscript")
    return pytest.importorskip("torch")


needs_torch = [pytest.mark.extra, pytest.mark.filterwarnings("ignore")]


class TestWithTorch:
    """With PyTorch; each exporter takes its time."""

    pytestmark = needs_torch

    def test_the_report(self, run: Any, torch: Any) -> None:
        result = run("export", "net.py:make_model", "-o", "m.onnx", "--input", "x=batch,3")
        assert result.exit_code == 0, result.stderr
        assert "in forward" not in result.stdout
        lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
        agreed = "outputs agree on 3 samples"
        assert lines[0] == f"exported: net.py:make_model, opset 20, 1 node; {agreed}"
        assert lines[1] == f"exporter dynamo of torch {torch.__version__}"
        assert lines[2] == "mode eval, for the export; 4 modules of it were in training mode"
        assert lines[3:9] == [*("weights 64 B", "", "Inputs", "x float32[batch,3]", "", "Outputs")]
        assert "Verified on 3 samples with torch, the new model with onnxruntime" in lines
        assert "inputs x[2, 3]" in lines
        assert lines[-1].startswith("m.onnx ")
        assert max(map(len, result.stdout.splitlines())) <= 100

    def test_json_and_an_example_of_the_function(self, run: Any, torch: Any) -> None:
        line = ["export", "net.py:with_example@torch", "-o", "m.onnx", "--dynamic", "x[0]=batch"]
        names = ["--input-names", "a,b", "--output-names", "c"]
        result = run(*line, "--exporter", "torchscript", "--opset", "11", "--format", "json")
        assert result.exit_code == 0, result.stderr
        told = json.loads(result.stdout)
        assert told["schema"] == "pyonnxtool/export/1"
        assert (told["exporter"], told["opset"], told["opset_exported"]) == ("torchscript", 11, 11)
        assert [one["shape"] for one in told["inputs"]] == [["batch", 3], [4]]
        result = run(*line[:4], "--exporter", "torchscript", "--force", *names, "--dry-run")
        assert result.stdout.startswith("exported: net.py:with_example, opset 20")
        result = run(*line[:4], "--exporter", "torchscript", "--force", *names, "-q")
        agreed = "outputs agree on 2 samples"
        assert result.stdout == f"exported: net.py:with_example, opset 20, 2 nodes; {agreed}\n"
        assert [value.name for value in pot.load("m.onnx").graph.inputs] == ["a", "b"]

    def test_an_operator_of_the_user(self, run: Any, torch: Any, tmp_path: Path) -> None:
        line = ["export", "net.py:custom", "-o", "m.onnx", "--exporter", "torchscript"]
        result = run(*line)
        assert result.exit_code == 1
        told = "no symbolic is known for it; give one (--symbolics) or keep it: --keep"
        assert f"(pot_test::every): {told} pot_test::every" in " ".join(result.stderr.split())
        source = "from support.torch_operators import every"
        (tmp_path / "my_ops.py").write_text(source)
        result = run(*line, "--symbolics", "my_ops.py")
        assert result.exit_code == 0, result.stderr
        assert "not known to torch  pot_test::every" in result.stdout
        assert "1  pot_test::every: Products and sums" in result.stdout
        result = run(*line, "--force", "--keep", "pot_test::every")
        assert result.exit_code == 0
        assert "kept                pot_test::every" in result.stdout
        assert "not checked: onnxruntime does not know pot_test::every" in result.stdout

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("net.py", "net.py: name the function that makes the module, as in net.py:make_model;"),
            ("net.py:none", "net.py has no function 'none'; it has Net, Custom, make_model, with"),
            ("net.py:broken", "net.py:broken failed: ValueError: weights are missing (line 3"),
            ("net.py:number", "net.py:number is of type int; what is exported is an nn.Module"),
            ("net.py:make_model", "without an example call, and forward needs x: declare each"),
            ("net.py:make_model --input y=1,3", "has no parameter 'y'; it takes x, scale"),
            ("net.py:make_model --input x=1,4", "itself fails on the example: RuntimeError: mat1"),
            ("net.py:make_model --input x=1,3:text", "input 'x': 'text' is no type of tensors;"),
            ("net.py:with_example --input x=n,3", "gives an example call itself: leave out --in"),
            ("net.py:with_example --dynamic z=n,3", "net.py:with_example has no input 'z'; did"),
        ],
    )
    def test_what_is_asked_wrongly_of_a_module(
        self, line: str, told: str, run: Any, torch: Any
    ) -> None:
        result = run("export", *line.split(), "-o", "m.onnx", "--exporter", "torchscript")
        assert (result.exit_code, result.exception.__class__) == (2, SystemExit)
        assert told in result.stderr
        assert not Path("m.onnx").exists()


def test_the_command_loads_no_torch_to_be_asked_for_help() -> None:
    code = "import sys; import pyonnxtool.cli.export; print('torch' in sys.modules)"
    assert run_python("-c", code, cwd=Path(sys.prefix)).stdout == "False\n"
