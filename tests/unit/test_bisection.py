"""Verdicts: fault, drift, same, inconclusive; and what is said of a culprit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pyonnxtool.bisection import bisect
from pyonnxtool.errors import UsageError
from support.parsed import parsed

X = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
NET = """g (float[N,8] x) => (float[N,8] y) {
  a = Softmax <axis = 1> (x)  b = Sub (a, x)  c = Tanh (b)  y = Neg (c) }"""


def test_an_attribute_that_differs_is_named_with_both_values():
    report = bisect(parsed(NET), parsed(NET.replace("axis = 1", "axis = 0")), inputs={"x": X})
    assert report.verdict == "fault"
    (culprit,) = report.culprits
    assert (culprit.op_type, culprit.outputs) == ("Softmax", ("a",))
    assert culprit.why == "attribute axis differs: 0 instead of 1"
    assert culprit.referee.startswith("candidate wrong: in float64 the two still differ by")
    assert "> a = Softmax<axis=0>(x)" in culprit.neighbourhood


def test_swapped_operands_are_said_as_such():
    report = bisect(parsed(NET), parsed(NET.replace("(a, x)", "(x, a)")), inputs={"x": X})
    assert report.culprits[0].outputs == ("b",)
    assert report.culprits[0].why == (
        "input 0 reads 'x', which is the reference's 'x', not 'a'; "
        "input 1 reads 'a', which is the reference's 'a', not 'x'"
    )


def test_a_dropped_node_is_blamed_on_its_reader():
    report = bisect(
        parsed(NET),
        parsed(NET.replace("c = Tanh (b)  y = Neg (c)", "y = Neg (b)")),
        inputs={"x": X},
    )
    (culprit,) = report.culprits
    assert (culprit.op_type, culprit.reference_outputs) == ("Neg", ("y",))
    assert culprit.why == "input 0 reads 'b', which is the reference's 'b', not 'c'"


def test_an_inserted_round_trip_names_the_narrowing_cast():
    inserted = NET.replace("Sub (a, x)", "Sub (w, x)").replace(
        "b = ", "n = Cast <to = 10> (a)  w = Cast <to = 1> (n)  b = "
    )
    report = bisect(parsed(NET), parsed(inserted), inputs={"x": X})
    (culprit,) = report.culprits
    assert culprit.outputs == ("n",)
    assert culprit.region == ("n", "w")
    assert culprit.why == "the reference has no counterpart of this Cast"


def test_nan_out_of_nothing():
    bad = NET.replace(
        "c = Tanh (b)", "z = Sub (b, b)  q = Div (z, z)  r = Add (b, q)  c = Tanh (r)"
    )
    report = bisect(parsed(NET), parsed(bad), inputs={"x": X})
    assert report.verdict == "fault"
    assert set(report.culprits[0].region) & {"z", "q", "r"}
    assert report.culprits[0].introduced["nan_mismatch"] == X.size


def test_rounding_that_a_later_node_amplifies_is_drift():
    """x / 3 and x * (1/3) differ by rounding; the subtraction makes it large, and is right."""
    text = """g (float[N,8] x) => (float[N,8] y) <float k = {K}, float s = {10000}>
      { a = OP (x, k)  b = Sub (a, x)  c = Add (b, x)  d = Sub (c, a)  y = Mul (d, s) }"""
    ours = parsed(text.replace("OP", "Div").replace("{K}", "{3}"))
    theirs = parsed(text.replace("OP", "Mul").replace("{K}", "{0.3333333432674408}"))
    report = bisect(ours, theirs, inputs={"x": X})
    assert report.verdict == "drift"
    assert report.culprits == ()
    assert report.contributors[0].value == "a"


def test_equal_outputs_are_the_same_after_one_run_each():
    report = bisect(parsed(NET), parsed(NET), inputs={"x": X})
    assert report.verdict == "same"
    assert report.runs == {"reference": 1, "candidate": 1}


def test_random_nodes_make_it_inconclusive():
    text = """g (float[2] x) => (float[2] y) { r = RandomNormalLike (x)  y = Add (x, r) }"""
    report = bisect(parsed(text), parsed(text), inputs={"x": np.ones(2, np.float32)})
    assert report.verdict == "inconclusive"
    assert "is not deterministic: two runs on the same inputs differ" in report.reason


def test_models_without_common_structure_are_inconclusive():
    theirs = """g (float[N,8] x) => (float[N,8] y) {
      p = Sin (x)  q = Cos (p)  r = Abs (q)  s = Exp (r)  t = Erf (s)  u = Floor (t)
      v = Sigmoid (u)  w = Ceil (v)  y = Round (w) }"""
    report = bisect(parsed(NET), parsed(theirs), inputs={"x": X})
    assert report.verdict == "inconclusive"
    assert report.reason.startswith("the models have too little structure in common")


def test_two_faults_are_both_named():
    bad = NET.replace("axis = 1", "axis = 0").replace("Tanh (b)", "Sigmoid (b)")
    report = bisect(parsed(NET), parsed(bad), inputs={"x": X})
    assert {culprit.outputs for culprit in report.culprits} == {("a",), ("c",)}


def test_the_tolerance_that_is_asked_for_decides():
    bad = parsed(NET.replace("Tanh (b)", "Mul (b, one)").replace("{\n", "<float one = {1}> {\n"))
    assert bisect(parsed(NET), bad, inputs={"x": X}, atol=10.0).verdict == "same"


def test_an_unknown_way_is_an_error():
    with pytest.raises(UsageError, match="--by magic: use one of auto, values, splice, pass"):
        bisect(parsed(NET), parsed(NET), by="magic", inputs={"x": X})


def test_json_is_strict_and_carries_its_schema():
    bad = NET.replace("Tanh (b)", "Sqrt (b)")
    text = bisect(parsed(NET), parsed(bad), inputs={"x": X}).to_json()
    data = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert data["schema"] == "pyonnxtool/bisect/1"
    assert data["culprits"][0]["op_type"] == "Sqrt"
    assert set(data) >= {"verdict", "coverage", "observer_effect", "runs", "samples"}


def test_another_shape_that_reaches_an_output_is_a_fault():
    text = """g (float[3,8] x) => (float y) {
      a = Abs (x)  r = ReduceSum <keepdims = 0> (a)  y = Sqrt (r) }"""
    other = text.replace("float y", "float[1,1] y").replace("keepdims = 0", "keepdims = 1")
    (culprit,) = bisect(parsed(text), parsed(other), inputs={"x": X}).culprits
    assert culprit.outputs == ("r",)
    assert culprit.why == "attribute keepdims differs: 1 instead of 0"
