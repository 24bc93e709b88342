"""Control flow as PyTorch's exporters write it, for fixed sizes."""

from __future__ import annotations

import io

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from support.faults.site import walk
from support.ort_runs import difference, run

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
scan = pytest.importorskip("torch._higher_order_ops.scan").scan

pytestmark = [pytest.mark.extra, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

CONTROL = {"If", "Loop", "Scan", "SequenceConstruct", "SequenceEmpty", "SequenceInsert"} | {
    *("SequenceAt", "SequenceLength", "SplitToSequence", "ConcatFromSequence")
}


class StackedSteps(torch.nn.Module):
    """A list that grows with the length of the sequence, stacked in the end."""

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(8, 8)

    def forward(self, x):
        h = torch.zeros_like(x[:, 0])
        out = []
        for t in range(x.size(1)):
            h = torch.tanh(self.a(x[:, t]) + h)
            out.append(h)
        return torch.stack(out, dim=1), h


class Parts(torch.nn.Module):
    """Parts of a split, one of them picked, a list that is reversed and concatenated."""

    def forward(self, x):
        parts = torch.split(x, 3, dim=1)
        kept = []
        for i in range(len(parts)):
            kept.append(parts[len(parts) - 1 - i] * float(i + 1))
        return torch.cat(kept, dim=1) + parts[0].sum()


class Unbound(torch.nn.Module):
    """Steps one by one, their sums in a list, whose length decides."""

    def forward(self, x):
        sums = torch.jit.annotate(list[torch.Tensor], [])
        for step in torch.unbind(x, 1):
            sums.append(step.sum(-1))
        picked = sums[-1]
        if len(sums) > 3:
            picked = sums[0] + sums[2]
        return picked, torch.stack(sums)


class ByLength(torch.nn.Module):
    """A branch that the length decides, in a loop that the length ends early."""

    def forward(self, x):
        y = x
        i = 0
        while i * i < x.size(1):
            if i % 2 == 0:
                y = torch.sin(y) + float(i)
            if i % 3 == 1:
                y = torch.cat([y, x], dim=0)
            i += 1
        return y


class Nested(torch.nn.Module):
    """A loop in a loop: as many turns as the outer one has made."""

    def forward(self, x):
        total = torch.zeros_like(x)
        for i in range(x.size(0)):
            for j in range(i):
                total = total + x[i] * x[j]
        return total


class Steps(torch.nn.Module):
    """A recurrence that keeps its structure when it is exported."""

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(8, 8)

    def forward(self, x):
        def step(h, element):
            new = torch.tanh(self.a(element) + h)
            return new, new * 2

        first = torch.zeros(x.shape[0], 8)
        return scan(step, first, x.transpose(0, 1))


class CondOfShape(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(8, 8)

    def forward(self, x):
        return torch.cond(
            torch.tensor(x.shape[1]) > 4,
            lambda x: torch.tanh(self.a(x)),
            lambda x: torch.relu(self.a(x)),
            (x,),
        )


def scripted(module, axes) -> onnx.ModelProto:
    torch.manual_seed(0)
    file = io.BytesIO()
    torch.onnx.export(
        torch.jit.script(module.eval()),
        (torch.randn(2, 7, 8),),
        file,
        dynamo=False,
        input_names=["x"],
        dynamic_axes={"x": axes},
        opset_version=17,
    )
    return onnx.load_from_string(file.getvalue())


SCRIPTED = {
    "stacked steps": (StackedSteps, {0: "batch", 1: "time"}),
    "parts": (Parts, {0: "batch", 1: "time"}),
    "unbound": (Unbound, {0: "batch", 1: "time"}),
    "by length": (ByLength, {1: "time"}),
    "nested": (Nested, {0: "batch"}),
}


def left_of(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for _, node, _ in walk(model.graph) if node.op_type in CONTROL]


@pytest.mark.parametrize("shape", [(2, 7, 8), (1, 1, 8), (3, 12, 8)])
@pytest.mark.parametrize("name", SCRIPTED)
def test_scripted_loops_and_lists_are_plain_tensors(name, shape):
    kind, axes = SCRIPTED[name]
    model = scripted(kind(), axes)
    shape = tuple(size if axis in axes else (2, 7, 8)[axis] for axis, size in enumerate(shape))
    assert left_of(model)
    found = pot.specialize(model, {"x": shape})
    fixed = pot.to_proto(found.model)
    onnx.checker.check_model(fixed)
    feeds = [{"x": np.random.default_rng(0).standard_normal(shape).astype(np.float32)}]
    assert difference(run(model, feeds), run(fixed, feeds)) <= 1e-6
    assert left_of(fixed) == []
    assert not found.report.left
    assert not found.report.dynamic


def dynamo(module) -> onnx.ModelProto:
    torch.manual_seed(0)
    return torch.onnx.export(
        module.eval(),
        (torch.randn(2, 7, 8),),
        dynamo=True,
        input_names=["x"],
        dynamic_shapes=({1: torch.export.Dim("time", min=2, max=64)},),
    ).model_proto


@pytest.mark.parametrize("length", [3, 7])
@pytest.mark.parametrize(("kind", "op"), [(CondOfShape, "If"), (Steps, "Scan")])
def test_what_the_length_decides_is_decided(kind, op, length):
    model = dynamo(kind())
    assert left_of(model) == [op]
    fixed = pot.to_proto(pot.specialize(model, {"x": (2, length, 8)}).model)
    feeds = [{"x": np.random.default_rng(0).standard_normal((2, length, 8)).astype(np.float32)}]
    assert difference(run(model, feeds), run(fixed, feeds)) <= 1e-6
    assert left_of(fixed) == []
