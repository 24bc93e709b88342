"""Splice against a network: the rest of the ONNX model starts from what PyTorch computed."""

from __future__ import annotations

import pytest

from pyonnxtool.bisection import bisect

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from support.torch_models import export, network

pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("how", ["dynamo18", "ts17"])
def test_the_node_is_where_the_candidate_starts_to_be_good(how: str) -> None:
    model = export("text", how)
    node = [one for one in model.graph.node if one.op_type == "LayerNormalization"][2]
    (epsilon,) = (one for one in node.attribute if one.name == "epsilon")
    epsilon.f = 0.1
    report = bisect(network("text"), model, by="splice")
    assert (report.verdict, report.method) == ("fault", "splice")
    assert report.culprits[0].node == node.name
    assert report.frontier is not None
    assert node.output[0] in report.frontier.after
    assert node.output[0] not in report.frontier.before
