"""Operators of torch that its exporter left, beside numbers recorded from torch."""

from __future__ import annotations

import sys

import onnx
import pytest
from onnx import helper

import pyonnxtool as pot
from pyonnxtool.errors import BackendError
from support.downgraded import run_ort
from support.lowered_op import distance, lowered, refusal
from support.recorded_aten import recorded

ULP = 8
"""Of float32, of the largest magnitude of an output."""


WITH_SIZES = frozenset({"cumprod", "logcumsumexp", "quantile", "pdist", "cov"}) | {
    *("channel_shuffle", "pixel_unshuffle", "group_norm_bare"),
}
"""Operators that are refused where sizes are open."""


@pytest.mark.parametrize("name", recorded())
def test_it_computes_what_torch_does(name: str) -> None:
    case, operator = recorded()[name], name.partition(" ")[0]
    first = next(one for one in recorded() if one.partition(" ")[0] == operator)
    for open_sizes in (False, True) if name == first else (False,):
        model = case.model(open_sizes=open_sizes)
        if open_sizes and operator in WITH_SIZES:
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
    assert "keep it: --keep org.pytorch.aten::ATen" in unknown
    assert "it has no attribute `operator`" in refusal(node_of("y = {0}.ATen (x)"))
    assert "it has no `other`" in refusal(node_of("y = {}{} (x)", "hypot"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("y = {0}.adaptive_avg_pool2d <output_size = [0, 2]> (x)", "it makes [0, 2] bins"),
        ("y = {0}.grid_sampler <interpolation_mode = 4> (x, x)", "none that torch has"),
        ("y = {0}.cummax <dim = 2> (x)", "dim 2 is none of a tensor of rank 2"),
        (
            "y = {0}._upsample_bilinear2d_aa <align_corners = 1> (x)",
            "it smooths and aligns corners",
        ),
        ("y = {0}.upsample_nearest2d <output_size = [1, 2]> (x)", "2 sizes or scales for 0 axes"),
        ("y = {0}.diagonal <dim1 = 1> (x)", "it has one axis twice"),
        ("y = {0}.matrix_power <n = -1> (x)", "the power -1 is not above zero"),
        ("y = {0}.fill_diagonal <fill_value = 1.0, wrap = 1> (x)", "its diagonal begins anew"),
        ("y = {0}.rot90 <dims = [0, 0]> (x)", "which are no two"),
        ("y = {0}.roll <shifts = [1, 2], dims = [0]> (x)", "it has 2 shifts for 1 axes"),
        ("y = {0}.channel_shuffle <groups = 2> (x)", "its rank 2 is not that of channels"),
        ('y = {0}.scatter_reduce <dim = 0, reduce = "sum", include_self = 0> (x, x, x)', "before"),
        ("y = {0}.quantile <q = [0.1, 0.2]> (x)", "only one quantile"),
        ("y = {0}.kthvalue <k = 0> (x)", "k=0 is not above zero"),
        ("y = {0}.bincount (x)", "it counts elements of float32"),
        ("y = {0}.linalg_solve <left = 0> (x, x)", "only A X = B"),
        ("y = {0}.scaled_dot_product_attention (x, x, x)", "its rank 2 is neither 3 nor 4"),
        ("y = {0}.embedding_bag <mode = 5> (x, x, x)", "its mode 5 is none that torch has"),
        ("y = {0}.embedding_bag <padding_idx = 1> (x, x, x)", "it leaves out the embedding"),
        ('y = {0}.div <rounding_mode = "floor"> (x, x)', "it rounds the quotient"),
        (
            "y = {0}.linalg_svd (x)",
            "it iterates until the numbers are close enough; keep it: --keep",
        ),
        ("y = {0}.multinomial (x)", "it is random, and draws other numbers than any operator"),
        ("y = {0}.expm1 <base = 2> (x)", "its attribute `base` is none that its operator has"),
        ("y = {0}.expm1 (x, x)", "it has more inputs than its operator takes: self"),
        ("y = {0}.cumprod <dim = 1, dtype = 7> (x)", "it is to compute in another dtype"),
    ],
)
def test_arguments_without_a_form_are_refused(text: str, told: str) -> None:
    assert told in refusal(node_of(text))


def test_complex_numbers_are_refused() -> None:
    told = refusal(node_of("y = {}{} (x)", "fft_rfft"))
    assert "it has complex numbers, which ONNX has as an axis of two" in told
    assert "keep it: --keep org.pytorch.aten::ATen" in told
    model = node_of("y = {0}.square (x)")
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.COMPLEX64
    assert "it takes complex numbers, which hardly any operator of ONNX does" in refusal(model)


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


def test_without_torch_nothing_checks_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyonnxtool.backends._torch_aten", None)
    told = r"no reference of org.pytorch.aten::expm1 is known \(of torch's own operators, torch is"
    with pytest.raises(BackendError, match=told):
        pot.lower(node_of("y = {0}.expm1 (x)"), verify=1)
