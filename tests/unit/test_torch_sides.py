"""What can stand for a PyTorch network, how it is called, and what is said when it cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from pyonnxtool.backends import find_recorder
from pyonnxtool.bisection import bisect
from pyonnxtool.diffing import diff
from pyonnxtool.errors import BackendError, UsageError
from pyonnxtool.subjects import parse_subject
from support.fresh_process import run_python

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from torch import nn  # noqa: E402 - skipped without torch

from support.torch_models import export, exported, network  # noqa: E402 - skipped without torch

pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings("ignore")]

MODULE = """
import torch
from torch import nn  # noqa: E402 - skipped without torch

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x, scale):
        return self.fc(x) * scale

def make_model():
    torch.manual_seed(0)
    return Net().eval()

def with_example():
    return make_model(), (torch.zeros(4, 3),), {"scale": torch.ones(2)}

def sized(size):
    return make_model()

def broken():
    raise ValueError("weights are missing")

def number():
    return 7
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """net.py, and net.onnx that was exported from it."""
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(MODULE)
    made: dict[str, Any] = {}
    exec(compile(MODULE, "net.py", "exec"), made)
    args = (torch.randn(4, 3), torch.randn(2))
    onnx.save(exported(made["make_model"](), args, ["x", "scale"], "ts17"), "net.onnx")
    program = torch.export.export(made["make_model"](), args)
    torch.export.save(program, "net.pt2")
    return tmp_path


@pytest.mark.parametrize(
    "subject", ["net.py:make_model@torch", "net.py:with_example", "net.pt2@torch", "net.pt2"]
)
def test_a_file_stands_for_the_network(folder: Path, subject: str) -> None:
    report = diff(subject, "net.onnx", samples=5)
    assert (report.verdict, report.reference) == ("same", subject)
    assert report.weights_compared == 2


def test_an_object_stands_for_itself(folder: Path) -> None:
    program = torch.export.load("net.pt2")
    assert diff(program, "net.onnx").verdict == "same"
    assert diff((program.module(), (torch.zeros(4, 3), torch.ones(2))), "net.onnx").verdict == (
        "same"
    )


def test_it_is_told_from_other_objects_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys, numpy, onnx; from pyonnxtool.backends.torch import is_torch;"
        "print(is_torch(numpy.zeros(1)), is_torch(onnx.ModelProto()), 'torch' in sys.modules)"
    )
    assert run_python("-c", code, cwd=tmp_path).stdout.split() == ["False", "False", "False"]


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("net.py:nothing@torch", r"net.py has no function 'nothing'; it has Net, make_model, with"),
        ("net.py@torch", r"net.py: name the function .* net.py:make_model@torch; it has Net, "),
        ("net.py:sized@torch", "net.py:sized: sized needs the arguments size, but is called witho"),
        ("net.py:broken@torch", "net.py:broken failed: ValueError: weights are missing"),
        ("net.py:number@torch", r"number\(\) gave 'int'; expected is an nn.Module, an ExportedP"),
        ("no.py:make@torch", "no.py: there is no such file"),
        ("no.pt2@torch", "no.pt2: there is no such file"),
        ("net.onnx@torch", r"expected is a program that torch.export.save wrote \(.pt2\), or FILE"),
        ("bad.pt2@torch", r"bad.pt2 cannot be read by torch.export.load of torch \d"),
        ("syntax.py:f@torch", "syntax.py cannot be imported: SyntaxError: "),
    ],
)
def test_what_is_no_network(folder: Path, subject: str, told: str) -> None:
    Path("bad.pt2").write_bytes(b"no archive")
    Path("syntax.py").write_text("def f(:")
    with pytest.raises(UsageError, match=told):
        parse_subject(subject)


def test_without_torch_the_way_to_install_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(MODULE)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pyonnxtool.subjects import parse_subject\n"
        "try:\n    parse_subject(sys.argv[1])\nexcept Exception as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "net.py:make_model@torch"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.strip() == "PyTorch is not installed; pip install 'pyonnxtool[torch]'"


def test_an_input_that_the_onnx_model_lacks_is_named(folder: Path) -> None:
    model = onnx.load("net.onnx")
    network = find_recorder("torch").record("net.py:make_model")
    with pytest.raises(UsageError, match="needs scale, which is no input of the ONNX model") as it:
        network.values({"x": np.zeros((4, 3), np.float32)}, 0)
    assert "return (module, example_args)" in str(it.value)
    assert len(model.graph.input) == 2


def test_a_program_is_of_the_shapes_that_it_was_exported_for(folder: Path) -> None:
    network = find_recorder("torch").record("net.pt2")
    feeds = {"x": np.zeros((5, 3), np.float32), "scale": np.ones(2, np.float32)}
    with pytest.raises(BackendError, match=r"exported for x of shape \(4, 3\), and the input x is"):
        network.values(feeds, 0)
    made = torch.export.export(
        nn.Linear(3, 2).eval(), (torch.zeros(4, 3),), dynamic_shapes=({0: torch.export.Dim("n")},)
    )
    torch.export.save(made, "dynamic.pt2")
    values = find_recorder("torch").record("dynamic.pt2").values({"x": feeds["x"]}, 0)
    assert [value.shape for value in values.values()] == [(5, 2)]


def test_inputs_that_the_module_refuses_are_told_with_what_torch_said(folder: Path) -> None:
    model = onnx.load("net.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 5
    with pytest.raises(BackendError, match=r"net.py:make_model fails on these inputs: RuntimeErr"):
        diff("net.py:make_model@torch", model, inputs={
            "x": np.zeros((4, 5), np.float32), "scale": np.ones(2, np.float32)
        })  # fmt: skip


def test_outputs_of_another_number_are_listed(folder: Path) -> None:
    model = onnx.load("net.onnx")
    model.graph.output.append(
        onnx.helper.make_empty_tensor_value_info(model.graph.node[0].output[0])
    )
    with pytest.raises(UsageError, match=r"returns 1 tensors .*, and the ONNX model has 2 outputs"):
        diff("net.py:make_model@torch", model)


class Gated(nn.Module):
    """Where it goes depends on the numbers, so it cannot be exported."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.first(x))
        return torch.tanh(self.second(x)) if x.sum() > -1 else x


def test_what_cannot_be_exported_is_run_as_it_is_and_watched() -> None:
    torch.manual_seed(0)
    module = Gated().eval()
    model = exported(module, (torch.randn(3, 4),), ["x"], "ts17")
    clean = diff(module, model)
    assert clean.verdict == "same"
    assert clean.coverage.compared >= 4
    (note,) = [note for note in clean.notes if "torch.export cannot export Gated" in note]
    assert note.endswith("it was run as it is, and its calls were watched")
    (node,) = (node for node in model.graph.node if node.op_type == "Relu")
    node.op_type = "Sigmoid"
    (culprit,) = bisect(module, model).culprits
    assert culprit.node == node.name
    assert "x = torch.relu(self.first(x))" in culprit.source


def test_training_mode_is_told_and_nothing_is_changed() -> None:
    module = network("vision")
    model = export("vision", "ts17")
    module.norm.train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    report = diff(module, model)
    assert report.verdict == "different"
    assert any("the module is in training mode, and is run as it is" in n for n in report.notes)
    assert module.norm.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_live_dropout_is_not_deterministic() -> None:
    module = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5))
    model = exported(module.eval(), (torch.randn(2, 8),), ["x"], "ts17")
    report = bisect(module.train(), model)
    assert report.verdict == "inconclusive"
    assert "is not deterministic" in report.reason
    assert any("training mode" in note for note in report.notes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_modules_of_small_floats(dtype: Any) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).to(dtype).eval()
    model = exported(module, (torch.randn(2, 8, dtype=dtype),), ["x"], "dynamo18")
    if dtype is torch.float16:
        assert diff(module, model).verdict == "same"
    else:  # onnxruntime has no bfloat16 Gemm on a CPU; the reference evaluator has
        assert diff(module, (model, "reference"), rtol=0.05).verdict == "same"


def test_of_many_samples_the_worst_is_named_and_the_worst_few_are_looked_into() -> None:
    model = export("text", "ts17")
    good = diff(network("text"), model, samples=9)
    assert (good.verdict, good.samples, len(good.values_samples)) == ("same", 9, 3)
    assert good.worst_sample == good.values_samples[0]
    node = next(node for node in model.graph.node if node.op_type == "Erf")
    node.op_type = "Tanh"
    bad = diff(network("text"), model, samples=9)
    assert bad.verdict == "different"
    assert bad.worst_sample == bad.outputs[0].sample
    assert bisect(network("text"), model, samples=9).culprits[0].node == node.name


def test_rounding_of_pytorch_itself_is_told_from_meaning() -> None:
    """Folded into the convolution, batch norm of small variances rounds otherwise."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16), nn.ReLU(inplace=True)).eval()
    module[0].weight.data *= 20
    module[1].running_var *= 100
    model = exported(module, (torch.randn(1, 16, 8, 8),), ["x"], "ts17")
    assert bisect(module, model, rtol=1e-9).verdict == "drift"
