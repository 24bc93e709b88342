"""Splice against a network: the rest of the ONNX model starts from what PyTorch computed."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from pyonnxtool import bisect

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings("ignore")]


def network() -> tuple[object, tuple[object, ...]]:
    torch.manual_seed(0)
    layers = (torch.nn.Linear(8, 16), torch.nn.LayerNorm(16), torch.nn.GELU())
    return torch.nn.Sequential(*layers, torch.nn.Linear(16, 4)).eval(), (torch.randn(2, 8),)


def test_the_node_is_where_the_candidate_starts_to_be_good(tmp_path: Path) -> None:
    module, args = network()
    path = tmp_path / "net.onnx"
    torch.onnx.export(module, args, str(path), dynamo=True, verbose=False)
    proto = onnx.load(path)
    (node,) = (node for node in proto.graph.node if node.op_type == "LayerNormalization")
    (epsilon,) = (one for one in node.attribute if one.name == "epsilon")
    epsilon.f = 0.1
    report = bisect((module, "torch"), proto, by="splice")
    assert (report.verdict, report.method) == ("fault", "splice")
    assert report.culprits[0].node == node.name
    assert report.frontier is not None
    assert report.frontier.after == tuple(node.output)
