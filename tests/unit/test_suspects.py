"""From what was measured to culprits: several faults at once, wrong pairs, regions, reasons."""

from __future__ import annotations

import numpy as np
import pytest

from pyonnxtool import from_proto
from pyonnxtool.bisection import bisect
from pyonnxtool.divergence.compare import compare
from pyonnxtool.divergence.search.suspects import Search
from pyonnxtool.report import BisectReport
from support.equivalents import rewritten
from support.faults import plant
from support.optimizers import OPTIMIZERS, to_float16
from support.parsed import parsed
from support.zoo import ZOO

X = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
BRANCHES = """g (float[N,8] x) => (float[N,8] y, float[N,8] z)
  <float two = {2}, float tiny = {0.001}> {
  a = Softmax <axis = 1> (x)  b = Tanh (a)  c = Mul (b, two)
  d = Sigmoid (x)  e = Mul (d, tiny)  f = Add (c, e)  y = Neg (f)  z = Exp (d) }"""


def of(candidate: str, reference: str = BRANCHES, **options: object) -> BisectReport:
    return bisect(parsed(reference), parsed(candidate), inputs={"x": X}, **options)


def named(report: BisectReport) -> list[str]:
    return [culprit.outputs[0] for culprit in report.culprits]


# -- several faults --------------------------------------------------------------------------


def test_faults_in_parallel_branches_are_both_named():
    report = of(BRANCHES.replace("axis = 1", "axis = 0").replace("Sigmoid (x)", "Tanh (x)"))
    assert sorted(named(report)) == ["a", "d"]


def test_a_fault_right_behind_another_is_named_too():
    report = of(BRANCHES.replace("axis = 1", "axis = 0").replace("Tanh (a)", "Sigmoid (a)"))
    assert sorted(named(report)) == ["a", "b"]


def test_three_faults_one_downstream_of_another():
    bad = BRANCHES.replace("axis = 1", "axis = 0").replace("Tanh (a)", "Sigmoid (a)")
    assert sorted(named(of(bad.replace("Sigmoid (x)", "Tanh (x)")))) == ["a", "b", "d"]


def test_several_faults_are_listed_by_what_each_does_to_the_outputs():
    """The larger local error is scaled down by 0.001 on its way to the only output."""
    one_output = BRANCHES.replace(", float[N,8] z", "").replace("z = Exp (d) ", "")
    bad = one_output.replace("Sigmoid (x)", "Abs (x)").replace("Mul (b, two)", "Mul (b, b)")
    report = of(bad, one_output)
    assert named(report) == ["c", "d"]
    first, second = report.culprits
    assert first.alone is not None
    assert second.alone is not None
    assert first.alone > 100 * second.alone


def test_a_single_fault_is_not_weighed_against_others():
    report = of(BRANCHES.replace("axis = 1", "axis = 0"))
    assert [culprit.alone for culprit in report.culprits] == [None]


# -- pairs that values put right --------------------------------------------------------------


@pytest.mark.parametrize("level", ["ort_basic", "ort_extended"])
def test_folded_neighbours_of_a_fault_are_not_blamed(level: str):
    """Every convolution has its normalization inside, under its old name or another."""
    case = ZOO["resnet_17"]()
    optimized = OPTIMIZERS[level](case.model)
    assert optimized is not None
    planted = plant("bias_dropped", optimized, case.feeds, np.random.default_rng(3))
    assert planted is not None
    report = bisect(from_proto(case.model), from_proto(planted.model), inputs=list(case.feeds))
    (culprit,) = report.culprits
    assert planted.culprits[0] & {culprit.node, *culprit.region}


def test_a_permuted_reduction_is_not_blamed_beside_a_fault():
    case = ZOO["llama_18"]()
    permuted = rewritten(case.model, "reduction_permuted")
    assert permuted is not None
    planted = plant("weight_transposed", permuted, case.feeds, np.random.default_rng(0))
    assert planted is not None
    report = bisect(from_proto(case.model), from_proto(planted.model), inputs=list(case.feeds))
    (culprit,) = report.culprits
    assert planted.culprits[0] & {culprit.node, *culprit.region}


# -- reasons ----------------------------------------------------------------------------------


def test_defaults_that_are_written_out_are_no_reason():
    bad = BRANCHES.replace("Softmax <axis = 1> (x)", "Softmax <axis = -1> (x)")
    text = bad.replace("Sigmoid (x)", "HardSigmoid <alpha = 0.3> (x)")
    ours = bad.replace("<axis = -1> ", "").replace("Sigmoid (x)", "HardSigmoid <beta = 0.5> (x)")
    report = of(text, ours)
    assert [culprit.why for culprit in report.culprits] == [
        "attribute alpha is 0.3, the reference has none"
    ]


def test_operands_of_a_sum_may_stand_either_way():
    bad = BRANCHES.replace("Mul (b, two)", "Mul (three, b)").replace(
        "<float two = {2},", "<float three = {3}, float two = {2},"
    )
    assert of(bad).culprits[0].why == "constant 'three' (input 0) is 3.0 instead of 2.0"


def test_what_made_an_input_is_told_where_nothing_else_differs():
    """Both `p` and `q` are unknown to the other side."""
    ours = """g (float[N,8] x) => (float[N,8] y) { p = Sin (x)  y = Neg (p) }"""
    theirs = """g (float[N,8] x) => (float[N,8] y) { q = Cos (x)  y = Neg (q) }"""
    (culprit,) = of(theirs, ours).culprits
    assert culprit.outputs == ("q",)
    assert culprit.why == "operator differs: Cos instead of Sin"


# -- masks and half precision --------------------------------------------------------------------


def test_a_mask_is_no_scale_for_the_scores_beside_it():
    ours = np.array([[1.0, -2.0, -1e9], [0.5, -1e9, -1e9]], np.float32)
    theirs = ours.copy()
    theirs[0, 1] += 0.25
    found = compare(ours, theirs)
    assert found.scale == 1e9
    assert found.judged is not None
    assert (found.judged.count, found.judged.ref_abs_max, found.judged.max_abs) == (3, 2.0, 0.25)


def test_a_mask_that_is_missing_on_one_side_is_a_difference():
    ours = np.array([1.0, -2.0, -1e9], np.float32)
    found = compare(ours, np.array([1.0, -2.0, 3.0], np.float32))
    assert found.judged is not None
    assert found.judged.max_abs == pytest.approx(1e9)


def test_a_mask_in_half_precision_masks_as_well():
    ours = np.array([1.0, -1e9], np.float32)
    assert compare(ours, np.array([1.0, -65504.0], np.float16)).identical
    assert compare(ours, np.array([1.0, -np.inf], np.float16)).identical
    large = np.array([1.0, -1e6], np.float32)
    assert not compare(large, np.array([1.0, -np.inf], np.float16)).identical
    assert not compare(ours, np.array([1.0, 65504.0], np.float16)).identical


def test_a_copy_in_half_precision_has_no_fault():
    case = ZOO["encoder_erf_17"]()
    half = to_float16(case.model)
    assert half is not None
    report = bisect(from_proto(case.model), from_proto(half), inputs=list(case.feeds))
    assert report.verdict in ("drift", "same"), [(c.node, c.why) for c in report.culprits]


def test_the_only_changed_node_is_told_though_it_adds_no_more_than_rounding():
    """A bias is off by eight spacings of half precision: 1 and 1.0078, by their bits."""
    text = """g (float16[N,8] x) => (float16[N,8] y) <float16[1] b = {B}> {
      a = Add (x, b)  c = Exp (a)  y = Mul (c, c) }"""
    fed = {"x": X.astype(np.float16)}
    ours, theirs = (parsed(text.replace("{B}", f"{{{value}}}")) for value in (15360, 15368))
    report = bisect(ours, theirs, inputs=fed, rtol=1e-4)
    assert report.verdict == "drift"
    assert report.contributors[0].value == "a"
    assert "constant 'b' (input 1) is 1.0078125" in report.contributors[0].note
    assert "the only one that is not what its counterpart is makes 'a'" in report.reason


def test_axes_as_an_attribute_are_the_axes_that_a_later_opset_reads():
    ours = """g (float[N,8] x) => (float[N,8] y) <int64[1] axes = {1}> {
      a = ReduceL2 <keepdims = 1> (x, axes)  y = Div (x, a) }"""
    theirs = """g (float[N,8] x) => (float[N,8] y) {
      a = ReduceL1 <keepdims = 1, axes = [1]> (x)  y = Div (x, a) }"""
    report = bisect(parsed(ours, 18), parsed(theirs, 17), inputs={"x": X})
    assert report.culprits[0].why == "operator differs: ReduceL1 instead of ReduceL2"
    other = parsed(theirs.replace("L1", "L2").replace("axes = [1]", "axes = [0]"), 17)
    report = bisect(parsed(ours, 18), other, inputs={"x": X[:1].repeat(8, 0)})
    assert "attribute axes is [0]" in report.culprits[0].why


def test_readers_across_many_paths_are_counted_once():
    """Forty pairs of ways, one after the other: as many ways through as no search may walk."""
    steps = "".join(
        f" l{i} = Neg (s{i})  r{i} = Abs (s{i})  s{i + 1} = Add (l{i}, r{i})" for i in range(40)
    )
    graph = f"g (float[2] s0) => (float[2] y) {{{steps}  y = Relu (s40) }}"
    search = object.__new__(Search)
    search._graph, search._paired = parsed(graph).graph, ["y"]
    assert search._readers("s0") == {"y"}
