"""Operators that torch cannot translate: exported as nodes, lowered by symbolics."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import Refused

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from torch import nn  # noqa: E402 - skipped without torch

from support import torch_operators as ops  # noqa: E402 - skipped without torch
from support import torchvision_operators  # noqa: E402, F401 - they are there from now on
from support.exported_module import BOTH, module_of, sizes, types  # noqa: E402 - skipped without torch

pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings("ignore")]


def call(x: Any, bias: Any, other: Any) -> Any:
    more = {"flag": False, "sizes": [3, 4], "kind": torch.float16}
    y, total = torch.ops.pot_test.every(x, bias, [other, x], 0.5, **more)
    return torch.relu(y), total


@BOTH
def test_an_operator_that_torch_does_not_know(exporter: str) -> None:
    args = (torch.randn(2, 3), torch.randn(3), torch.randn(2, 3))
    options = {"exporter": exporter, "dynamic": {"x": {0: "n"}, "other": {0: "n"}}}
    kept = pot.torch.export(module_of(call), args, **options, keep=["pot_test::*"])
    assert kept.report.kept == kept.report.opaque == ("pot_test::every",)
    assert kept.report.verification is None
    (note,) = kept.report.notes
    assert "not checked: onnxruntime does not know pot_test::every; give its library" in note
    assert ("also where open sizes decide them" in note) == (exporter == "torchscript")
    (node,) = [one for one in kept.model.graph.nodes if one.domain]
    assert node.input_names == ["x", "bias", "other", "x"]
    assert node.attributes == {
        **{"more": 2, "by": 0.5, "n": 2, "flag": 0, "mode": "a"},
        **{"sizes": [3, 4], "weights": [1.0, 2.0], "kind": onnx.TensorProto.FLOAT16},
    }
    made = pot.torch.export(module_of(call), args, **options, symbolics=[ops.every], opset=12)
    assert (made.report.opaque, made.report.kept) == (("pot_test::every",), ())
    assert made.model.opset_imports == {"": 12}
    assert sizes(made.report.outputs) == {"output_0": ("n", 3), "output_1": ("n",)}
    # The same symbolic serves a file that was exported before.
    later = pot.lower(kept.model, symbolics=[ops.every], to=12)
    assert types(later) == types(made)


@BOTH
def test_arguments_that_are_left_out(exporter: str) -> None:
    module = module_of(lambda x: torch.ops.pot_test.every(x, None, [], 2.0)[0])
    kept = pot.torch.export(module, (torch.ones(2, 3),), exporter=exporter, keep=["pot_test::*"])
    (node,) = kept.model.graph.nodes
    assert node.input_names == ["x"]
    assert "sizes" not in node.attributes
    assert types(pot.lower(kept.model, symbolics=[ops.every])) == ["Mul", "Add"]


@BOTH
def test_a_wrong_symbolic_is_named(exporter: str) -> None:
    @pot.symbolic("pot_test::every")
    def wrong(node: Any, tape: Any) -> Any:
        """Wrong sums."""
        first, second = ops.every(node, tape)
        return tape.op("Mul", first, tape.const(np.float32(1.01))), second

    args = (torch.randn(2, 3), torch.randn(3), torch.randn(2, 3))
    with pytest.raises(Refused) as caught:
        pot.torch.export(module_of(call), args, exporter=exporter, symbolics=[wrong])
    assert "output 'output_0' differs" in str(caught.value)
    assert "[pot_test::every: Wrong sums]" in str(caught.value)


@BOTH
def test_without_a_fake_implementation(exporter: str) -> None:
    module, args = module_of(lambda x: torch.ops.pot_test.no_fake(x).relu()), (torch.ones(2),)
    if exporter == "torchscript":
        made = pot.torch.export(module, args, exporter=exporter, symbolics=[ops.no_fake])
        assert types(made) == ["Exp", "Relu"]
        return
    with pytest.raises(Refused, match=r"pot_test::no_fake has no fake implementation") as caught:
        pot.torch.export(module, args, symbolics=[ops.no_fake])
    assert "add one with @torch.library.register_fake('pot_test::no_fake')" in str(caught.value)
    assert "or take --exporter torchscript" in str(caught.value)


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weight = nn.Parameter(torch.randn(4, 2, 3, 3))
        self.offset = nn.Conv2d(2, 18, 3, padding=1)

    def forward(self, image: Any, boxes: Any, scores: Any) -> Any:
        offset = self.offset(image)
        more = (torch.sigmoid(offset[:, :9]), torch.zeros(4), 1, 1, 1, 1, 1, 1, 1, 1, True)
        features = torch.ops.torchvision.deform_conv2d(image, self.weight, offset, *more)
        rois = torch.cat([torch.zeros_like(boxes[:, :1]), boxes], 1)
        regions = torch.ops.torchvision.roi_align(features, rois, 0.5, 2, 2, 2, True)
        return {"regions": regions, "kept": torch.ops.torchvision.nms(boxes, scores, 0.5)}


@BOTH
def test_operators_of_torchvision_have_symbolics(exporter: str) -> None:
    corners = torch.rand(6, 2) * 4
    boxes = torch.cat([corners, corners + 1 + torch.rand(6, 2) * 4], 1)
    args = (torch.randn(1, 2, 7, 7), boxes, torch.rand(6))
    given = dict(zip(("image", "boxes", "scores"), (one.numpy() for one in args), strict=True))
    made = pot.torch.export(Detector(), args, exporter=exporter, opset=16, inputs=[given])
    assert "torchvision::deform_conv2d" in made.report.opaque
    assert made.report.kept == ()


@BOTH
def test_an_operator_of_torch_that_its_exporter_does_not_know(exporter: str) -> None:
    square = torch.eye(3) * 2 + 0.1

    def function(x: Any) -> Any:
        return torch.lgamma(x) if exporter == "dynamo" else torch.linalg.inv(x)

    made = pot.torch.export(module_of(function), (square,), exporter=exporter)
    (operator,) = made.report.opaque
    assert operator.startswith("org.pytorch.aten::l")
    assert made.report.kept == ()

    @pot.symbolic("aten::erf")
    def erf(node: Any, tape: Any) -> Any:
        """Erf of ours."""
        return tape.op("Erf", tape.op("Identity", node.inputs[0]))

    made = pot.torch.export(
        module_of(lambda x: x.erf() + 1), (square,), exporter=exporter, symbolics=[erf]
    )
    assert made.report.opaque == ("aten::erf",)
    assert made.report.changes[0].rule == "aten::erf: Erf of ours"
