"""Where NaN and Inf start: at which node, of which operands, and what is not worth a word."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pyonnxtool.bisection import bisect
from pyonnxtool.diffing import diff
from support.parsed import parsed

X = np.array([[0.0, 1.0, 2.0, -1.0]], np.float32)
HEAD = "g (float[N,4] x) => (float[N,4] y) "


def origins(body, side="candidate", **options):
    found = diff(parsed(HEAD + body), inputs={"x": X}, **options).origins
    return [origin for origin in found if origin.side == side]


@pytest.mark.parametrize(
    ("body", "value", "kind", "index", "cause"),
    [
        ("{ a = Relu (x)  b = Div (a, a)  y = Neg (b) }", "b", "NaN", (0, 0), "0 / 0"),
        ("{ a = Sqrt (x)  y = Neg (a) }", "a", "NaN", (0, 3), "Sqrt of -1"),
        ("{ a = Relu (x)  b = Log (a)  y = Neg (b) }", "b", "-Inf", (0, 0), "Log of 0"),
        ("{ a = Reciprocal (x)  y = Neg (a) }", "a", "+Inf", (0, 0), "Reciprocal of 0"),
        (
            "<float k = {100}> { a = Mul (x, k)  b = Exp (a)  y = Neg (b) }",
            *("b", "+Inf", (0, 1), "Exp of 100 overflows float32"),
        ),
        (
            "<float k = {3e38}> { a = Mul (x, k)  y = Neg (a) }",
            *("a", "+Inf", (0, 2), "2 * 3e+38 overflows float32"),
        ),
        (
            "<float k = {0.5}> { a = Pow (x, k)  y = Neg (a) }",
            *("a", "NaN", (0, 3), "-1 ^ 0.5"),
        ),
        (
            "<float k = {71000}> { a = Mul (x, k)  b = Cast <to = 10> (a)  y = Cast <to = 1> (b) }",
            *("b", "Inf", (0, 1), "71,000 does not fit float16"),
        ),
        (
            "<float k = {2e38}> { a = Abs (x)  b = Mul (a, k)"
            "  c = ReduceSum <keepdims = 1> (b)  y = Add (x, c) }",
            *("b", "+Inf", (0, 2), "2 * 2e+38 overflows float32"),
        ),
        (
            "<float[4,4] w = {1e38,0,0,0, 3e38,0,0,0, 3e38,0,0,0, 0,0,0,0}>"
            " { a = MatMul (x, w)  y = Neg (a) }",
            *("a", "+Inf", (0, 0), "MatMul sums products of factors up to 2 and 3e+38: overflows "),
        ),
        ("<float m = {-inf}> { a = Add (x, m)  y = Softmax (a) }", "m", "-Inf", (), "a constant"),
    ],
)
def test_the_first_value_is_named_with_its_operands(body, value, kind, index, cause):
    first = origins(body)[0]
    assert (first.value, first.kind, first.index) == (value, kind, index)
    assert first.cause.startswith(cause)
    assert first.reaches == ("y",)


def test_a_nan_that_is_made_of_infinities_says_where_these_come_from():
    body = (
        "<float k = {100}> { a = Mul (x, k)  b = Exp (a)  c = Neg (b)  d = Add (b, c) y = Neg(d) }"
    )
    first, second = origins(body)
    assert (first.value, first.kind) == ("b", "+Inf")
    assert (second.value, second.kind, second.comes_from) == ("d", "NaN", ("b",))
    assert second.cause == "+Inf + -Inf"


def test_a_row_that_a_mask_covers_whole_is_an_origin():
    found = origins("<float m = {-inf}> { a = Add (x, m)  y = Softmax (a) }")
    assert [origin.value for origin in found] == ["m", "y"]
    assert found[1].cause == "Softmax of a row in which everything is -Inf"


@pytest.mark.parametrize(
    "body",
    [
        "<float[4] m = {-inf, 0, 0, 0}> { a = Add (x, m)  y = Softmax (a) }",
        "{ m = Constant <value = float {-inf}> ()  z = Constant <value = float {0}> ()"
        "  c = Less (x, z)  a = Where (c, m, x)  y = Softmax (a) }",
    ],
)
def test_the_minus_infinity_of_a_mask_is_meant(body):
    assert origins(body) == []


def test_a_mask_that_reaches_an_output_is_told():
    (found,) = origins("<float[4] m = {-inf, 0, 0, 0}> { y = Add (x, m) }")
    assert (found.value, found.node, found.reaches) == ("m", "", ("y",))


def test_a_weight_with_nan_is_an_origin_of_its_own():
    (found,) = origins("<float[4] w = {0, nan, 0, 0}> { a = Mul (x, w)  y = Neg (a) }")
    assert (found.value, found.node, found.count, found.index) == ("w", "", 1, (1,))
    assert found.cause == "a constant holds NaN"


def test_an_input_with_nan_is_an_origin():
    feeds = {"x": np.array([[np.nan, 0, 0, 0]], np.float32)}
    found = diff(parsed(HEAD + "{ a = Neg (x)  y = Neg (a) }"), inputs=feeds).origins
    assert [origin.cause for origin in found] == ["an input holds NaN"] * 2


def test_what_is_repaired_later_reaches_no_output():
    body = "{ a = Sqrt (x)  n = IsNaN (a)  b = Where (n, x, a)  y = Neg (b) }"
    (found,) = origins(body)
    assert (found.value, found.reaches) == ("a", ())


def test_finite_models_are_not_searched():
    report = diff(parsed(HEAD + "{ y = Neg (x) }"), inputs={"x": X})
    assert report.origins == ()
    assert report.runs == {"reference": 1, "candidate": 2 + 1}


def test_small_groups_find_what_one_run_finds():
    body = "{ a = Relu (x)  b = Div (a, a)  c = Neg (b)  d = Neg (c)  y = Neg (d) }"
    feeds = {"x": np.tile(X, (40_000, 1))}
    model = parsed(HEAD + body)
    whole = diff(model, inputs=feeds)
    cut = diff(model, inputs=feeds, memory="3MiB")
    assert cut.origins == whole.origins
    assert cut.runs["candidate"] > whole.runs["candidate"] + 1


def test_bisect_names_the_origin_inside_a_region():
    good = HEAD + "{ a = Tanh (x)  y = Neg (a) }"
    bad = HEAD + "{ z = Sub (x, x)  q = Div (z, z)  r = Add (x, q)  a = Tanh (r)  y = Neg (a) }"
    report = bisect(parsed(good), parsed(bad), inputs={"x": X})
    assert report.verdict == "fault"
    assert report.culprits[0].outputs == ("q",)
    assert "NaN starts here: 0 / 0" in report.culprits[0].why
    assert [origin.side for origin in report.origins] == ["candidate"]


def test_bisect_tells_origins_of_models_that_agree():
    report = bisect(parsed(HEAD + "{ y = Sqrt (x) }"), inputs={"x": X})
    assert report.verdict == "same"
    assert {origin.cause for origin in report.origins} == {"Sqrt of -1"}
    assert json.loads(report.to_json())["origins"][0]["index"] == [0, 3]
