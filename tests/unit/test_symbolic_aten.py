"""Operators of torch that its exporter left, beside numbers recorded from torch."""

from __future__ import annotations

import onnx
import pytest
from onnx import helper

from support.downgraded import run_ort
from support.lowered_op import distance, lowered, refusal
from support.recorded_aten import recorded

ULP = 8
"""Of float32, of the largest magnitude of an output."""


WITH_SIZES = frozenset({"cumprod", "logcumsumexp", "quantile", "pdist", "cov"}) | {
    *("channel_shuffle", "pixel_unshuffle"),
}
"""Operators that are refused where sizes are open."""


@pytest.mark.parametrize("name", recorded())
def test_it_computes_what_torch_does(name: str) -> None:
    case = recorded()[name]
    for open_sizes in (False, True):
        model = case.model(open_sizes=open_sizes)
        if open_sizes and name.partition(" ")[0] in WITH_SIZES:
            assert "is only known when the model runs" in refusal(model)
            continue
        made = lowered(model)
        for ours, theirs in zip(case.made, run_ort(made, case.feeds), strict=True):
            assert distance(ours, theirs) <= ULP


@pytest.mark.parametrize("to", [9, 17, 23])
@pytest.mark.parametrize("name", ["expm1", "atan2 odd", "bitwise_xor", "lgamma near"])
def test_at_other_opsets(name: str, to: int) -> None:
    case = recorded()[name]
    made = lowered(case.model(), to=to)
    assert distance(case.made[0], run_ort(made, case.feeds)[0]) <= ULP


def node_of(text: str, operator: str | None = None) -> onnx.ModelProto:
    """A model with one input x of a node, written with {} for its domain and operator."""
    attribute = "" if operator is None else f'<operator = "{operator}">'
    text = text.format("org.pytorch.aten.ATen" if operator else "org.pytorch.aten", attribute)
    imports = '<ir_version: 8, opset_import: ["" : 17, "org.pytorch.aten" : 1]>'
    return onnx.parser.parse_model(f"{imports} g (float[2, 3] x) => (float[2, 3] y) {{ {text} }}")


def test_the_name_may_be_the_node_s_own() -> None:
    for model in (node_of("y = {}{} (x)", "expm1"), node_of("y = {0}.expm1 (x)")):
        assert {"Tanh", "Exp"} < {node.op_type for node in lowered(model).graph.node}


def test_what_is_refused() -> None:
    unknown = refusal(node_of("y = {}{} (x)", "polygamma"))
    assert "it is made of org.pytorch.aten::polygamma: no symbolic is known for it" in unknown
    assert "it has no attribute `operator`" in refusal(node_of("y = {0}.ATen (x)"))
    assert "it has no `other`" in refusal(node_of("y = {}{} (x)", "hypot"))


def test_operands_of_several_dtypes_are_refused() -> None:
    model = node_of("c = Cast <to = 7> (x) y = {0}.hypot (x, c)")
    assert "its operands are of float32 and int64; they have to be of one" in refusal(model)
    model = node_of("c = Constant <value_float = 1.5> () i = Cast <to = 7> (x) y = {0}.fmax (i, c)")
    assert "it computes int64 with a float" in refusal(model)


def test_domains_of_old_exporters() -> None:
    node = helper.make_node("ATen", ["x"], ["y"], "op", operator="frac")
    model = node_of("y = {0}.frac (x)")
    model.graph.ClearField("node")
    model.graph.node.append(node)
    assert {"Floor", "Sub"} < {one.op_type for one in lowered(model).graph.node}
