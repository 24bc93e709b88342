"""Modules as models that are checked against them: what is exported, refused, left."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import BackendError, Refused, UsageError

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from torch import nn  # noqa: E402 - skipped without torch

from support import torch_operators  # noqa: E402, F401 - skipped without torch
from support.exported_module import BOTH, module_of, sizes  # noqa: E402 - skipped without torch

pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings("ignore")]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.drop, self.head = nn.Dropout(), nn.Linear(4, 5)

    def forward(self, image: Any) -> Any:
        return self.head(self.drop(torch.relu(self.norm(self.conv(image))).mean((2, 3))))


@BOTH
def test_open_sizes_eval_mode_and_an_old_opset(exporter: str) -> None:
    net = Net()
    net.norm.eval()  # a mode of its own, which it keeps
    before = {name: value.clone() for name, value in net.state_dict().items()}
    image = torch.randn(2, 3, 8, 6)
    made = pot.torch.export(
        net, (image,), opset=11, exporter=exporter, dynamic={"image": ("batch", 3, "h", "w")}
    )
    report = made.report
    assert (report.opset, made.model.opset_imports) == (11, {"": 11})
    assert report.opset_exported == (18 if exporter == "dynamo" else 11)
    assert sizes(report.inputs) == {"image": ("batch", 3, "h", "w")}
    assert sizes(report.outputs) == {"output": ("batch", 5)}
    assert report.verification.backends == ("torch", "onnxruntime")
    assert report.verification.samples == 3  # the example, and two of each open size
    assert report.was_training == 4
    modes = [one.training for one in (net, net.conv, net.norm, net.drop, net.head)]
    assert modes == [True, True, False, True, True]
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert "forward" not in vars(net)


def test_a_runtime_and_the_newest_opset() -> None:
    call = {"args": (torch.ones(2, 3),), "exporter": "torchscript"}
    made = pot.torch.export(nn.Linear(3, 2), **call, opset="onnxruntime-1.8")
    assert made.report.opset == 14
    made = pot.torch.export(nn.Linear(3, 2), **call, opset=24, samples=0)
    assert (made.report.opset, made.report.verification) == (24, None)


@dataclasses.dataclass
class Result:
    logits: Any
    hidden: Any = None


NESTED = {
    "a dict": (
        lambda batch, *, mask: {"logits": batch["x"] * 2, "kept": [batch["y"][0] & mask]},
        ({"x": torch.ones(2, 3), "y": [torch.tensor([True, False])]},),
        {"mask": torch.tensor([True, True])},
        ["batch_x", "batch_y_0", "mask"],
        ["logits", "kept_0"],
    ),
    "numbers and nothing": (
        lambda x, times, flip=False, other=None: (x * times, -x if flip else x.long()),
        (torch.ones(3), 4),
        {"flip": True},
        ["x"],
        ["output_0", "output_1"],
    ),
    "a dataclass": (lambda x: Result(logits=x + 1), (torch.ones(3),), {}, ["x"], ["logits"]),
    "an input that is not read, and keywords in another order": (
        lambda x, unused, first=None, second=None: x + first * second,
        (torch.ones(3), torch.ones(2, dtype=torch.int64)),
        {"second": torch.ones(3) * 2, "first": torch.ones(3) * 3},
        ["x", "unused", "first", "second"],
        ["output"],
    ),
}


@BOTH
@pytest.mark.parametrize("case", NESTED)
def test_inputs_and_outputs_of_any_form(case: str, exporter: str) -> None:
    function, args, kwargs, inputs, outputs = NESTED[case]
    made = pot.torch.export(module_of(function), args, kwargs, exporter=exporter)
    assert list(sizes(made.report.inputs)) == inputs
    assert list(sizes(made.report.outputs)) == outputs
    assert made.report.verification.samples == 2


@dataclasses.dataclass
class Pair:
    a: Any
    b: Any


def test_a_dataclass_as_an_input() -> None:
    module = module_of(lambda pair: pair.a + pair.b)
    args, dynamic = (Pair(torch.ones(2, 3), torch.ones(2, 3)),), ("n", 3)
    with pytest.raises(UsageError, match=r"'pair' is a Pair.*torch.export.register_dataclass it"):
        pot.torch.export(module, args)
    torch.export.register_dataclass(Pair)
    made = pot.torch.export(module, args, dynamic={"pair_a": dynamic, "pair_b": dynamic})
    assert sizes(made.report.inputs) == {"pair_a": ("n", 3), "pair_b": ("n", 3)}


class Layer:
    def __init__(self, x: Any) -> None:
        self.keys, self.values = x + 1, x - 1


class Cache:
    def __init__(self, x: Any) -> None:
        self.layers = [Layer(x), Layer(-x)]


@BOTH
def test_a_cache_of_transformers_as_outputs(exporter: str) -> None:
    module = module_of(lambda x: {"logits": x, "past": Cache(x)})
    made = pot.torch.export(module, (torch.ones(3),), exporter=exporter)
    assert list(sizes(made.report.outputs))[1:] == [
        *("past_0_keys", "past_0_values", "past_1_keys", "past_1_values")
    ]
    with pytest.raises(UsageError, match=r"argument 'cache' is a Cache, whose tensors no exporter"):
        pot.torch.export(module_of(lambda cache: cache.layers), (Cache(torch.ones(3)),))


def test_an_open_size_of_one_in_the_example() -> None:
    class Fixing(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.reshape(1, -1) if x.shape[0] == 1 else x.reshape(len(x), -1)

    with pytest.raises(Refused) as caught:
        pot.torch.export(Fixing(), (torch.ones(1, 2, 3),), dynamic={"x": {0: "n"}})
    assert "1 in the example, which dynamo may take as fixed" in str(caught.value)


@BOTH
def test_outputs_that_are_one_value_or_an_input(exporter: str) -> None:
    def forward(x: Any) -> Any:
        y = x + 1
        return x, y, y, x

    made = pot.torch.export(module_of(forward), (torch.ones(2, 3),), exporter=exporter)
    assert list(sizes(made.report.outputs)) == [f"output_{n}" for n in range(4)]
    assert set(sizes(made.report.outputs).values()) == {(2, 3)}
    onnx.checker.check_model(onnx.load_from_string(made.model.to_bytes()))


@BOTH
def test_names_that_the_user_gives(exporter: str) -> None:
    options = {"exporter": exporter, "input_names": ["weight"], "output_names": ["bias"]}
    made = pot.torch.export(nn.Linear(3, 2), (torch.ones(2, 3),), **options)
    assert (*sizes(made.report.inputs), *sizes(made.report.outputs)) == ("weight", "bias")


def branches(x: Any) -> Any:
    return x + 1 if x.sum() > 0 else x - 1


def written_to(x: Any) -> Any:
    y = x * 2
    torch.ops.pot_test.add_one_(y)
    return y


REFUSED = [
    (
        lambda x: torch.ops.pot_test.every(x, None, [], 2.0)[0],
        "torchscript",
        "no symbolic is known for it; give one (--symbolics) or keep it: --keep pot_test::every",
    ),
    (
        written_to,
        "dynamo torchscript",
        "the operator pot_test::add_one_: it writes into its arguments, which no ONNX node can: "
        "have it return the results",
    ),
    (
        lambda x: torch.ops.pot_test.pieces(x)[0],
        "torchscript",
        "pot_test::pieces: it returns List[Tensor], and a node has a fixed number of tensors: "
        "return a tuple of them",
    ),
    (
        lambda x: torch.linalg.qr(x)[0],
        "dynamo torchscript",
        "--keep org.pytorch.aten::linalg_qr",
    ),
    (
        branches,
        "dynamo",
        "the module decides in Python by numbers that are only known when it runs, and dynamo "
        "cannot follow that: write it with torch.where or torch.cond, or take --exporter "
        "torchscript, which follows the path that the example takes (test_torch_export.py, line ",
    ),
    (
        lambda x: torch.fft.fft(x).exp().abs(),
        "torchscript",
        "an operator is given complex numbers, which ONNX lacks",
    ),
]


@pytest.mark.parametrize(("function", "exporters", "told"), REFUSED)
def test_what_cannot_be_exported(function: Any, exporters: str, told: str) -> None:
    for exporter in exporters.split():
        for _ in range(2 if exporter == "torchscript" else 1):  # nothing is left of the first
            with pytest.raises(Refused) as caught:
                pot.torch.export(module_of(function), (torch.ones(3, 3),), exporter=exporter)
            assert told in str(caught.value)
            assert len(str(caught.value)) < 600


def test_what_a_trace_fixed_is_told() -> None:
    made = pot.torch.export(module_of(branches), (torch.ones(2),), exporter="torchscript")
    (note,) = made.report.notes
    assert "follows the path that the example takes" in note
    assert "test_torch_export.py, line " in note
    module = module_of(lambda x: x * torch.ones(int(x.shape[1])))
    dynamic = {"x": {1: "n"}}
    with pytest.raises(Refused) as caught:
        pot.torch.export(module, (torch.ones(2, 3),), exporter="torchscript", dynamic=dynamic)
    assert "does not run at x[2,2], and the original does" in str(caught.value)
    assert "- the trace follows the path that the example takes" in str(caught.value)


USAGE = [
    (lambda x: 3, {}, "Made returns no tensor, so the model would have no output"),
    (lambda x: x @ x.T @ x.T, {}, "Made itself fails on the example: RuntimeError: mat1 and mat2"),
    (lambda x, y: x, {}, "forward(x, y) cannot be called so: missing a required argument: 'y'"),
    (torch.relu, {"output_names": ["a", "b"]}, "returns 1 tensor, and 2 output names given: a, b"),
    (lambda x: x, {"input_names": ["a", "b"]}, "takes 1 tensor (x), and 2 input names given: a, b"),
    (lambda x: x + 1, {"input_names": ["a"], "output_names": ["a"]}, "would be called 'a'"),
    (lambda x: x + 1, {"input_names": [""]}, "is to be called '', and needs a name"),
    (lambda x: x, {"dynamic": {"y": {0: "n"}}}, "Made has no input 'y'; did you mean x?"),
    (lambda x: x, {"dynamic": {"x": {2: "n"}}}, "'x' has 2 axes, so there is no axis 2 to be left"),
    (lambda x: x, {"dynamic": {"x": {0: "3n"}}}, "axis 0 of 'x': '3n' is no name for a size"),
    (lambda x: x, {"dynamic": {"x": ("n",)}}, "is [2, 3] in the example, and 1 sizes are given"),
    (
        lambda x: x,
        {"dynamic": {"x": ("n", 4)}},
        "is [2, 3] in the example, so axis 1 is not 4; name a size to leave it open",
    ),
    (lambda x: x, {"exporter": "onnx"}, "there is no exporter 'onnx'; take dynamo or torchscript"),
    (lambda x: x, {"opset": 99}, "there is no way to opset 99"),
    (lambda x: x, {"opset": "tensorrt"}, "tensorrt: which release; known are"),
    (lambda x: x, {"keep": ["no::op"]}, "no::op"),
]


@pytest.mark.parametrize(("function", "options", "told"), USAGE)
def test_what_is_asked_wrongly(function: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        pot.torch.export(
            module_of(function), (torch.ones(2, 3),), **{"exporter": "torchscript", **options}
        )
    assert told in str(caught.value)


def test_what_is_no_module() -> None:
    with pytest.raises(UsageError, match=r"is of type function; what is exported is an nn\."):
        pot.torch.export(lambda x: x, (torch.ones(2),))
    scripted = torch.jit.script(nn.Linear(3, 2))
    with pytest.raises(UsageError, match=r"is scripted, which dynamo does not take: --exporter t"):
        pot.torch.export(scripted, (torch.ones(2, 3),))
    made = pot.torch.export(scripted, (torch.ones(2, 3),), exporter="torchscript")
    assert made.report.verification.samples == 2
    traced = torch.jit.trace(nn.Linear(3, 2), torch.ones(2, 3))
    made = pot.torch.export(traced, (torch.ones(2, 3),), exporter="torchscript")
    assert made.report.verification.samples == 2


def test_a_size_that_the_module_fixes() -> None:
    class Fixed(nn.Module):
        def forward(self, x: Any) -> Any:
            assert x.shape[0] == 4
            return x + 1

    with pytest.raises(Refused, match=r"a size that was to stay open is fixed by what"):
        pot.torch.export(Fixed(), (torch.ones(4, 3),), dynamic={"x": {0: "n"}})


def test_a_module_with_a_state_is_left_as_it_was() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x: Any) -> Any:
            self.count += 1
            return x + self.count

    net = Counting()
    with pytest.raises(Refused, match=r"output 'output' differs"):
        pot.torch.export(net, (torch.ones(2),), exporter="torchscript")
    pot.torch.export(net, (torch.ones(2),))
    assert net.count.item() == 0


def test_numbers_that_no_runtime_has() -> None:
    net = nn.Linear(3, 2).bfloat16()
    with pytest.raises(BackendError, match=r"could not be verified: .*Gemm.*--no-verify"):
        pot.torch.export(net, (torch.ones(2, 3).bfloat16(),), exporter="torchscript")


def test_a_model_that_is_none() -> None:
    module = module_of(lambda x: (x > 0).cumsum(1))
    with pytest.raises(Refused) as caught:
        pot.torch.export(module, (torch.ones(2, 3),), exporter="torchscript")
    told = "torch wrote what is no valid ONNX, try --exporter dynamo: node '/CumSum' (CumSum): "
    assert f"{told}CumSum takes no tensor(bool) as x" in str(caught.value)


def test_shapes_that_the_exporter_tells_wrong_are_put_right() -> None:
    net = nn.LSTM(3, 4, batch_first=True)
    made = pot.torch.export(net, (torch.ones(2, 5, 3),), dynamic={"input": {0: "n", 1: "t"}})
    assert sizes(made.report.outputs)["output_0"] == ("n", "t", 4)  # torch 2.13 says 5
    for value in made.model.graph.values:
        assert 0 not in (value.shape or ())


def test_attention_of_torch_can_be_traced() -> None:
    net = nn.TransformerEncoderLayer(8, 2, batch_first=True, dim_feedforward=16)
    before = torch.backends.mha.get_fastpath_enabled()
    made = pot.torch.export(net, (torch.ones(2, 5, 8),), exporter="torchscript")
    assert made.report.opaque == ()
    assert torch.backends.mha.get_fastpath_enabled() == before


def test_inputs_that_are_given() -> None:
    feeds = [{"x": np.full((2, 3), float(n), np.float32)} for n in range(2)]
    call = {"args": (torch.ones(2, 3),), "exporter": "torchscript"}
    made = pot.torch.export(module_of(lambda x: x + 1), **call, inputs=feeds, samples=2)
    assert made.report.verification.samples == 3
