"""Bodies as PyTorch's exporters write them: cond, scan, and a scripted loop."""

from __future__ import annotations

import io

import numpy as np
import onnx
import pytest

from pyonnxtool import from_proto
from pyonnxtool.bisection import bisect
from support.faults.site import walk

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

pytestmark = [pytest.mark.extra, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Choice(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Linear(16, 16), torch.nn.Linear(16, 16)

    def forward(self, x):
        h = torch.tanh(self.a(x))
        return torch.cond(
            h.sum() > 0,
            lambda h: torch.tanh(self.b(h)) + h,
            lambda h: torch.sigmoid(self.b(h * 2)),
            (h,),
        )


class Cell(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(16, 16)

    def forward(self, x, steps: int):
        for _ in range(steps):
            x = torch.tanh(self.a(x)) + x
        return x


def exported(name):
    torch.manual_seed(0)
    if name == "cond":
        return torch.onnx.export(Choice().eval(), (torch.ones(3, 16),), dynamo=True).model_proto
    file = io.BytesIO()
    scripted = torch.jit.script(Cell().eval())
    torch.onnx.export(
        scripted, (torch.ones(3, 16), 4), file, dynamo=False, input_names=["x", "steps"]
    )
    return onnx.load_from_string(file.getvalue())


@pytest.mark.parametrize("name", ["cond", "script"])
def test_a_fault_in_an_exported_body_is_named(name):
    good = exported(name)
    bad = onnx.ModelProto()
    bad.CopyFrom(good)
    inner = {node.name for _, node, owners in walk(bad.graph) if owners}
    for _, node, owners in walk(bad.graph):
        if owners and node.op_type in ("Tanh", "Sigmoid"):
            node.op_type = {"Tanh": "Erf", "Sigmoid": "HardSigmoid"}[node.op_type]
    rng = np.random.default_rng(0)
    feeds = {value.name: np.asarray(5, np.int64) for value in good.graph.input[1:]}
    feeds[good.graph.input[0].name] = rng.standard_normal((3, 16)).astype(np.float32)
    report = bisect(from_proto(good), from_proto(bad), inputs=feeds)
    (culprit,) = report.culprits
    assert culprit.node in inner
    assert culprit.op_type in ("Erf", "HardSigmoid")
    assert culprit.graph.startswith("main/")
    assert culprit.iteration == (None if name == "cond" else 0)
