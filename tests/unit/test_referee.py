"""Who is wrong: the reference, the candidate, neither, or the problem itself."""

from __future__ import annotations

import numpy as np
import pytest

from pyonnxtool.bisection import bisect
from pyonnxtool.divergence.blame.condition import estimate_condition
from pyonnxtool.report import BisectReport
from support.parsed import parsed

RNG = np.random.default_rng(0)
NOISE = RNG.standard_normal((4, 64)).astype(np.float32)

TWO_PASSES = """g (float[4,64] x) => (float[4,1] y) <int64[1] ax = {1}, float tail = {3}> {
  m = ReduceMean (x, ax)  c = Sub (x, m)  s = Mul (c, c)  v = ReduceMean (s, ax)
  y = Mul (v, tail) }"""
BY_SQUARES = """g (float[4,64] x) => (float[4,1] y) <int64[1] ax = {1}, float tail = {3}> {
  q = Mul (x, x)  e = ReduceMean (q, ax)  m = ReduceMean (x, ax)  s = Mul (m, m)
  v = Sub (e, s)  y = Mul (v, tail) }"""
SOFTMAX = """g (float[4,64] x) => (float[4,64] y) { s = Softmax <axis = 1> (x)  y = Relu (s) }"""
PLAIN_SOFTMAX = """g (float[4,64] x) => (float[4,64] y) <int64[1] ax = {1}> {
  e = Exp (x)  t = ReduceSum (e, ax)  s = Div (e, t)  y = Relu (s) }"""
LAYER_NORM = """g (float[4,64] x, float[64] k, float[64] b) => (float[4,64] y) {
  n = LayerNormalization <axis = 1, epsilon = 1e-12> (x, k, b)  y = Relu (n) }"""
PARTS_OF_IT = """g (float[4,64] x, float[64] k, float[64] b) => (float[4,64] y)
  <int64[1] ax = {1}, float eps = {1e-12}> {
  m = ReduceMean (x, ax)  c = Sub (x, m)  s = Mul (c, c)  v = ReduceMean (s, ax)
  w = Add (v, eps)  r = Sqrt (w)  d = Div (c, r)  p = Mul (d, k)  n = Add (p, b)  y = Relu (n) }"""


def of(reference: str, candidate: str, **inputs: np.ndarray) -> BisectReport:
    return bisect(parsed(reference), parsed(candidate), inputs=inputs)


def test_a_variance_by_squares_is_unstable_and_so_the_candidate_is_wrong():
    report = of(TWO_PASSES, BY_SQUARES, x=NOISE + np.float32(1000))
    (culprit,) = report.culprits
    assert report.verdict == "fault"
    assert culprit.region == ("q", "e", "s", "v")
    assert culprit.referee.startswith("candidate wrong: against float64 the reference is off by")
    assert "does not explain that" in culprit.referee
    assert culprit.condition == pytest.approx(460, rel=0.5)


def test_the_same_variance_is_right_where_the_mean_is_small():
    assert of(TWO_PASSES, BY_SQUARES, x=NOISE).verdict == "same"


def test_the_side_that_is_unstable_may_be_the_reference():
    report = of(BY_SQUARES, TWO_PASSES, x=NOISE + np.float32(1000))
    assert report.culprits[0].referee.startswith("reference wrong: against float64")


def test_softmax_without_its_maximum_subtracted_overflows():
    report = of(SOFTMAX, PLAIN_SOFTMAX, x=NOISE * 60)
    assert report.verdict == "fault"
    assert report.culprits[0].op_type == "Exp"
    assert "the candidate by inf" in report.culprits[0].referee


def test_normalizing_nearly_constant_rows_is_ill_conditioned_and_nobody_is_wrong():
    fed = {"k": np.ones(64, np.float32), "b": np.zeros(64, np.float32)}
    report = of(LAYER_NORM, PARTS_OF_IT, x=100 + NOISE * np.float32(1e-3), **fed)
    assert report.verdict == "drift"
    first = report.contributors[0]
    assert first.value == "n"
    assert first.referee.startswith(
        "ill-conditioned: inputs perturbed by 1.2e-07 change the output"
    )
    assert first.condition == pytest.approx(6e4, rel=0.5)
    assert "Add 'n' is ill-conditioned" in report.reason


def test_another_meaning_is_a_fault_however_ill_conditioned_it_is():
    fed = {"k": np.ones(64, np.float32), "b": np.zeros(64, np.float32)}
    wrong = PARTS_OF_IT.replace("1e-12", "1e-8")
    report = of(PARTS_OF_IT, wrong, x=10 + NOISE * np.float32(1e-4), **fed)
    (culprit,) = report.culprits
    assert culprit.outputs == ("w",)
    assert culprit.referee.startswith("candidate wrong: in float64 the two still differ")


def test_a_subtraction_that_cancels_is_told_to_amplify():
    text = """g (float[4,64] x, float[4,64] z) => (float[4,64] y) <float k = {K}> {
      a = OP (x, k)  c = Sub (a, z)  y = Tanh (c) }"""
    ours = text.replace("OP", "Div").replace("{K}", "{3}")
    theirs = text.replace("OP", "Mul").replace("{K}", "{0.3333333432674408}")
    report = of(ours, theirs, x=NOISE, z=NOISE / 3 * np.float32(1.001))
    assert report.verdict == "drift"
    gains = {row.value: row for row in report.gains}
    assert gains["c"].condition == pytest.approx(2000, rel=0.1)
    assert "Sub 'c' is ill-conditioned: inputs perturbed by 1.2e-07 change" in report.reason


def test_the_condition_of_a_difference_is_that_of_its_operands():
    """|x| + |y| over |x - y|, for the sign pattern that hurts most."""
    found = estimate_condition(
        lambda v: v["x"] - v["y"], {"x": np.full(50, 1.0), "y": np.full(50, 0.999)}, "float32"
    )
    assert found is not None
    assert found.number == pytest.approx(1999.0, rel=1e-3)
    assert found.ill


def test_a_product_is_well_conditioned():
    found = estimate_condition(lambda v: 3.0 * v["x"], {"x": NOISE}, "float32")
    assert found is not None
    assert found.number == pytest.approx(1.0, rel=1e-3)
    assert found.sentence().startswith("well-conditioned: inputs perturbed by 1.2e-07 change")


def test_there_is_no_condition_without_floats():
    counts = {"x": np.arange(5)}
    assert estimate_condition(lambda v: v["x"] * 2, counts, "int64") is None
    assert estimate_condition(lambda v: v["x"] * np.inf, {"x": NOISE}, "float32") is None
