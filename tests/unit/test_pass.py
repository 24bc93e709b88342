"""Bisect by pass: which optimizers make the difference, and what they made of which nodes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest

from pyonnxtool import Model, bisect, from_proto
from pyonnxtool.backends import Optimized, Optimizing, RunOptions, find_backend
from pyonnxtool.backends._ort_optimizers import RULES
from pyonnxtool.errors import BackendError, UsageError
from pyonnxtool.report import BisectReport
from support.fused_fault import (
    FusedFault,
    backend,
    both_or_none,
    registered,
    rough_gelu,
    written_by_onnxruntime,
    wrong_scale,
)
from support.graph_builder import Builder
from support.parsed import parsed

X = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
W = ", ".join(f"{value:.3f}" for value in np.random.default_rng(1).standard_normal(64))
TEXT = f"""g (float[3,8] x) => (float[3,8] y) <float[8,8] w = {{{W}}}, float r = {{1.4142135}},
  float one = {{1}}, float half = {{0.5}}, float three = {{3}}> {{
  p = Mul (x, three)  q = Tanh (p)
  d = Div (q, r)  e = Erf (d)  f = Add (e, one)  m = Mul (q, f)  g = Mul (m, half)
  s = Sin (g)  h = MatMul (s, w)  k = Mul (h, three)  i = Identity (k)  y = Cos (i) }}"""


def passed(reference: object, candidate: object, **options: object) -> BisectReport:
    return bisect(reference, candidate, by="pass", inputs={"x": X}, **options)


def test_the_optimizer_the_node_that_it_made_and_what_of() -> None:
    model = parsed(TEXT)
    with backend("rough", rough_gelu):
        report = passed(model, (model, "rough"))
    assert (report.verdict, report.method) == ("fault", "pass")
    assert report.optimizers == report.optimizers_enough == ("GeluFusionL2",)
    (culprit,) = report.culprits
    assert (culprit.op_type, culprit.outputs) == ("Gelu", ("g",))
    assert set(culprit.region) == set("defmg")
    assert culprit.why.startswith("GeluFusionL2 made this Gelu of d (Div), e (Erf)")
    assert report.reason.startswith("without GeluFusionL2 (level extended) the outputs agree")
    assert any("optimizers change the model: " in part for part in report.plan.split("; "))


def test_optimizers_that_only_do_it_together() -> None:
    """Without either the outputs agree; neither is enough alone."""
    model = parsed(TEXT)
    with backend("both", both_or_none):
        report = passed(model, (model, "both"))
    assert report.verdict == "fault"
    assert len(report.optimizers) == 1
    assert set(report.optimizers_enough) == {"GeluFusionL2", "MatMulScaleFusion"}
    assert "alone are enough to make the difference" in report.reason


def test_an_optimizer_that_waits_behind_another_is_found() -> None:
    """Without the first one, the second has something to do."""

    class Waiting(FusedFault):
        def optimized(self, model: Model, options: RunOptions) -> Optimized:
            found = super().optimized(model, options)
            if "MatMulScaleFusion" in options.disabled_optimizers:
                return found
            shown = tuple(name for name in found.changed if name != "GeluFusionL2")
            return replace(found, changed=shown)

    def both(model: onnx.ModelProto) -> None:
        wrong_scale(model)
        rough_gelu(model)

    model = parsed(TEXT)
    with registered(Waiting("waiting", both)):
        report = passed(model, (model, "waiting"), atol=1e-6)
    assert set(report.optimizers) == {"MatMulScaleFusion", "GeluFusionL2"}
    assert "without them others do: GeluFusionL2" in report.plan


def test_auto_explains_one_model_at_two_levels() -> None:
    model = parsed(TEXT)
    with backend("scale", wrong_scale):
        report = bisect((model, "scale:none"), (model, "scale:all"), inputs={"x": X})
    assert report.verdict == "fault"
    assert report.optimizers == ("MatMulScaleFusion",)
    assert {"h", "k"} <= {*report.culprits[0].region, *report.culprits[0].outputs}


def test_the_reference_may_be_the_optimized_side() -> None:
    model = parsed(TEXT)
    with backend("scale", wrong_scale):
        report = passed((model, "scale:all"), model)
    assert report.optimizers == ("MatMulScaleFusion",)


def test_a_rule_is_named_rather_than_the_transformer_that_applies_it() -> None:
    def kept_identity(model: object) -> None:
        """Where an Identity was taken out, the last node is another."""
        nodes = model.graph.node  # type: ignore[attr-defined]
        if not any(node.op_type == "Identity" for node in nodes):
            for node in nodes:
                node.op_type = {"Cos": "Sin"}.get(node.op_type, node.op_type)

    model = parsed(TEXT)
    with backend("identity", kept_identity):
        report = passed(model, (model, "identity"))
    assert report.optimizers == ("EliminateIdentity",)


def test_a_fault_of_the_model_itself_is_no_optimizers() -> None:
    report = passed(parsed(TEXT), (parsed(TEXT.replace("Tanh (p)", "Sin (p)")), "ort:all"))
    assert report.verdict == "inconclusive"
    assert "the difference is there without any optimizer of" in report.reason
    assert "--by values or --by splice names the nodes" in report.reason


def test_max_runs_stops_it_with_what_is_known() -> None:
    model = parsed(TEXT)
    with backend("scale", wrong_scale):
        report = passed(model, (model, "scale"), max_runs=4)
    assert report.verdict == "inconclusive"
    assert report.reason.startswith("stopped by --max-runs: the difference comes with level ")


def test_without_an_optimizing_side_it_is_refused() -> None:
    other = parsed(TEXT.replace("Tanh (p)", "Sin (p)"))
    with pytest.raises(UsageError, match=r"runs on onnxruntime with optimizations; write one of"):
        passed(parsed(TEXT), other)


def quantized() -> tuple[Model, dict[str, np.ndarray]]:
    """A quantized Conv whose sums often fall half-way between two steps of its output."""
    b = Builder("quantized")

    def rounded(value: str, scale: float) -> str:
        step, zero = b.const(scale, hint="scale"), b.const(128, np.uint8, "zero")
        return b.op("DequantizeLinear", b.op("QuantizeLinear", value, step, zero), step, zero)

    x = rounded(b.input("x", [1, 8, 24, 24]), 0.03)
    w = b.const(b.rng.integers(-127, 128, (8, 8, 3, 3)), np.int8, "weight")
    zero = b.const(0, np.int8, "zero")
    w = b.op("DequantizeLinear", w, b.const(0.02, hint="scale"), zero)
    b.output(rounded(b.op("Conv", x, w, pads=[1, 1, 1, 1]), 0.03 * 0.02 * 512), "y", 4)
    case = b.case(samples=1)
    return from_proto(case.model), case.feeds[0]


@pytest.mark.parametrize("by", ["auto", "pass"])
def test_onnxruntime_itself_rounds_otherwise_where_it_fuses_a_quantized_conv(by: str) -> None:
    """A difference of a real runtime that watching hides: ties go the other way, by one step."""
    model, feeds = quantized()
    subjects = ((model, "ort:none"), (model, "ort:all"))
    watched = bisect(*subjects, by="values", inputs=feeds)
    assert watched.observer_effect == "changes the result"
    report = bisect(*subjects, by=by, inputs=feeds)
    assert (report.verdict, report.method) == ("drift", "pass")
    assert report.optimizers == ("QDQSelectorActionTransformer",)
    assert "made of other nodes: 1 QLinearConv" in report.reason
    assert "more than rounding explains" in report.reason


# -- what onnxruntime does with the names ----------------------------------------------------------

LIST = ", ".join(["1"] * 4)
RULE_MODELS = {
    "EliminateIdentity": "{ a = Identity (x)  y = Sin (a) }",
    "EliminateDropout": "{ a = Dropout (x)  y = Sin (a) }",
    "CastElimination": "{ a = Cast <to = 1> (x)  y = Sin (a) }",
    "DivMulFusion": "<float[1] one = {1}> { a = Div (one, x)  y = Mul (a, x) }",
    "FuseReluClip": "<float lo = {0}, float hi = {6}> { a = Relu (x)  y = Clip (a, lo, hi) }",
    "GemmSumFusion": f"<float[2,2] w = {{{LIST}}}> {{ a = Gemm (x, w)  y = Sum (a, x) }}",
    "GemmTransposeFusion": f"<float[2,2] w = {{{LIST}}}> "
    "{ t = Transpose <perm = [1, 0]> (x)  y = Gemm (t, w) }",
    "NotWhereFusion": "<float zero = {0}> "
    "{ g = Greater (x, zero)  n = Not (g)  y = Where (n, x, zero) }",
    "MatMul_BatchNormalization_Fusion": f"<float[2,2] w = {{{LIST}}}, float[2] v = {{1, 2}}> "
    "{ a = MatMul (x, w)  y = BatchNormalization (a, v, v, v, v) }",
}


CONV = "<float[1,1,1,1] k = {2}, float[1,1,1] v = {3}, float[1] b = {1}, int64[8] p = {PADS}>"
CONV = CONV.replace("PADS", "0, 0, 1, 1, 0, 0, 1, 1")
IMAGE_MODELS = {
    "ConvAddFusion": "{ a = Conv (x, k, b)  y = Add (a, v) }",
    "ConvMulFusion": "{ a = Conv (x, k, b)  y = Mul (a, v) }",
    "ConvBNFusion": "{ a = Conv (x, k, b)  y = BatchNormalization (a, b, b, b, b) }",
    "Pad_Fusion": "{ a = Pad (x, p)  y = Conv (a, k, b) }",
}


@pytest.mark.parametrize("rule", [*RULE_MODELS, *IMAGE_MODELS])
def test_a_rule_is_disabled_by_this_name(rule: str) -> None:
    text = f"g (float[2,2] x) => (float[2,2] y) {RULE_MODELS.get(rule)}"
    if rule in IMAGE_MODELS:
        text = f"g (float[1,1,2,2] x) => (float[1,1,m,n] y) {CONV} {IMAGE_MODELS[rule]}"
    model = parsed(text)
    everything = {name for rules in RULES.values() for name in rules}
    assert rule in everything
    done = nodes(model)
    assert nodes(model, *(everything - {rule})) == done
    assert nodes(model, *everything) != done


def nodes(model: Model, *disabled: str) -> list[str]:
    # Constants are folded otherwise, and nothing is left for the rules.
    options = RunOptions(level="basic", disabled_optimizers=("ConstantFolding", *disabled))
    return [node.op_type for node in written_by_onnxruntime(model, options).graph.node]


def test_a_name_that_it_does_not_know_changes_nothing() -> None:
    model = parsed(TEXT)
    assert nodes(model, "NoSuchOptimizer") == nodes(model)


def test_the_log_names_the_optimizers_that_change_a_model() -> None:
    ort = find_backend("ort")
    assert isinstance(ort, Optimizing)
    found = ort.optimized(parsed(TEXT), RunOptions())
    assert {"GeluFusionL2", "MatMulScaleFusion", *list(RULES)[:1]} <= set(found.changed)
    assert set(found.changed) <= set(found.known)
    assert "AttentionFusion" in set(found.known) - set(found.changed)
    assert "Gelu" in {node.op_type for node in found.model.graph.nodes}


def test_a_model_that_onnxruntime_refuses_is_an_error() -> None:
    ort = find_backend("ort")
    assert isinstance(ort, Optimizing)
    with pytest.raises(BackendError, match=r"optimizers cannot be traced: .*NoSuchOp"):
        ort.optimized(parsed("g (float[2] x) => (float[2] y) { y = NoSuchOp (x) }"), RunOptions())
