"""Values known by what they hold: the kernel against numpy, and pairs that only numbers tell."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pyonnxtool import _core, bisect
from pyonnxtool.divergence.case import open_case
from pyonnxtool.subjects import sides
from support.parsed import parsed

INVARIANT = ("count", "nan", "huge_positive", "huge_negative", "min", "max", "mean", "rms")
SQUASHED = ("squashed", "squashed_abs", "squashed_sq")


def slow_print(array) -> dict[str, float]:
    """The formulas, written down plainly."""
    x = np.asarray(array).astype(np.float64).reshape(-1)
    known = x[np.abs(x) <= 1e30]
    s = known / (1 + np.abs(known))
    some = known.size > 0
    return {
        "count": x.size,
        "nan": np.isnan(x).sum(),
        "huge_positive": (x > 1e30).sum(),
        "huge_negative": (x < -1e30).sum(),
        "min": known.min() if some else 0,
        "max": known.max() if some else 0,
        "mean": known.mean() if some else 0,
        "rms": np.sqrt((known**2).mean()) if some else 0,
        "squashed": s.mean() if some else 0,
        "squashed_abs": np.abs(s).mean() if some else 0,
        "squashed_sq": (s**2).mean() if some else 0,
    }


@given(
    arrays.arrays(
        np.float32,
        st.integers(0, 3000),
        elements=st.floats(width=32) | st.sampled_from([np.inf, -np.inf, np.nan, 3.4e38, -1e30]),
        fill=st.floats(-3, 3, width=32),
    )
)
def test_every_statistic_is_that_of_numpy(array):
    made, wanted = _core.fingerprint(array), slow_print(array)
    for name in INVARIANT:
        assert getattr(made, name) == pytest.approx(wanted[name], rel=1e-9, abs=1e-300), name
    for name in SQUASHED:  # means of numbers below 1
        assert getattr(made, name) == pytest.approx(wanted[name], abs=1e-14), name


@pytest.mark.parametrize(
    "dtype", ["float64", "float16", "int64", "int8", "uint32", "bool", ml_dtypes.bfloat16]
)
def test_every_dtype_is_read_as_the_numbers_that_it_holds(dtype):
    array = np.arange(-5, 20).astype(dtype)
    made, wanted = _core.fingerprint(array), slow_print(array)
    assert made.mean == pytest.approx(wanted["mean"])
    assert made.shape == (25,)


def test_text_complex_numbers_and_strided_arrays_are_refused():
    with pytest.raises(TypeError, match="complex64 has no fingerprint"):
        _core.fingerprint(np.zeros(3, np.complex64))
    with pytest.raises(TypeError, match="holds no real numbers"):
        _core.fingerprint(np.array(["a"], object))
    with pytest.raises(ValueError, match="not C-contiguous"):
        _core.fingerprint(np.zeros((4, 4))[:, ::2])


def prints(*values):
    return [_core.fingerprint(np.ascontiguousarray(value)) for value in values]


def test_rounding_order_and_shape_leave_values_alike():
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((4, 6, 8)).astype(np.float32) for _ in range(2))
    assert _core.alike(prints(a), prints(a * np.float32(1.00001)))
    assert _core.alike(prints(a), prints(a.transpose(2, 0, 1)))
    assert not _core.alike(prints(a), prints(b))
    assert not _core.alike(prints(a), prints(a * np.float32(1.01)))
    assert not _core.alike(prints(a, a), prints(a, b)), "each sample counts"
    assert not _core.alike([], [])


def test_the_form_is_shape_and_order():
    a = np.random.default_rng(0).standard_normal((6, 6)).astype(np.float32)
    assert _core.same_form(prints(a), prints(a + np.float32(1e-7)))
    assert not _core.same_form(prints(a), prints(a.T))
    assert not _core.same_form(prints(a), prints(a.reshape(36)))
    assert not _core.same_form(prints(np.array([1, 12, 16])), prints(np.array([1, 16, 12])))


def test_a_mask_does_not_drown_the_scores_beside_it():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((2, 8, 8)).astype(np.float32)
    for fill in (-1e4, -3.4e38):
        masked = np.where(np.tri(8, dtype=bool), scores, np.float32(fill))
        assert not _core.alike(prints(masked[0]), prints(masked[1]))
        assert _core.alike(prints(masked[0]), prints(masked[0]))


# -- pairs in models ------------------------------------------------------------------------------

X = np.random.default_rng(1).standard_normal((2, 8)).astype(np.float32)


def lined_up(ours: str, theirs: str, inputs=None):
    head = "g (float[2, 8] x) => (float[2, 8] y) "
    with open_case(*sides(parsed(head + ours), parsed(head + theirs)), inputs=inputs) as case:
        return case


def pairs_of(case) -> dict[str, str]:
    return {pair.candidate: pair.reference for pair in case.pairs}


def test_another_decomposition_is_paired_by_what_it_holds():
    """No operator, no name and no constant in common but at the ends."""
    ours = "{ a = Softplus (x)  b = Softsign (a)  y = Neg (b) }"
    theirs = (
        "{ e = Exp (x)  o = Constant <value = float {1}> ()  p = Add (e, o)  q = Log (p)"
        "  m = Abs (q)  n = Add (m, o)  r = Div (q, n)  y = Neg (r) }"
    )
    case = lined_up(ours, theirs)
    found = pairs_of(case)
    # A softplus is positive, so Abs makes a copy of it.
    assert found == {"q": "a", "m": "a", "r": "b", "y": "y"}
    assert not case.alignment.doubtful


def test_twins_of_equal_values_are_ambiguous():
    """Two formulas for one thing on either side, none of them in both: nothing tells which."""
    ours = "{ p = Softplus (x)  n = Neg (x)  i = Sigmoid (n)  l = Log (i)  q = Neg (l)"
    theirs = "{ e = Exp (x)  o = Constant <value = float {1}> ()  f = Add (e, o)  r = Log (f)"
    theirs += "  z = Relu (x)  a = Abs (x)  b = Neg (a)  c = Softplus (b)  s = Add (z, c)"
    case = lined_up(ours + "  y = Add (p, q) }", theirs + "  y = Add (r, s) }")
    assert not {"r", "s"} & pairs_of(case).keys()
    assert {"r", "s"} <= set(case.alignment.ambiguous)


def test_twins_are_told_apart_by_what_they_are_made_from():
    """Symmetric heads: equal values, but one operator makes each from a value that is paired."""
    ours = (
        "{ a = Softplus (x)  b = Neg (x)  c = Neg (b)  p = Abs (a)  q = Relu (a)"
        "  s = Sub (p, q)  y = Add (s, c) }"
    )
    theirs = (
        "{ e = Exp (x)  o = Constant <value = float {1}> ()  f = Add (e, o)  a2 = Log (f)"
        "  b2 = Neg (x)  c2 = Neg (b2)  q2 = Relu (a2)  p2 = Abs (a2)  s2 = Sub (p2, q2)"
        "  y = Add (s2, c2) }"
    )
    found = pairs_of(lined_up(ours, theirs))
    assert found["a2"] == "a"
    assert (found["p2"], found["q2"]) == ("p", "q")


def test_order_in_the_graph_is_kept():
    """Negating twice gives x's numbers again: the values repeat along the graph, in order."""
    ours = "{ a = Neg (x)  b = Exp (a)  c = Log (b)  d = Sinh (c)  y = Asinh (d) }"
    theirs = "{ p = Neg (x)  q = Exp (p)  r = Log (q)  s = Sinh (r)  y = Asinh (s) }"
    assert pairs_of(lined_up(ours, theirs)) == {"p": "a", "q": "b", "r": "c", "s": "d", "y": "y"}


def test_a_wrong_pair_that_surroundings_tell_is_refuted():
    """(a + b) + c against a + (b + c): the inner sums stand at one place and hold others."""
    ours = "{ a = Sin (x)  b = Cos (x)  s = Add (a, b)  t = Add (s, x)  y = Neg (t) }"
    theirs = "{ a = Sin (x)  b = Cos (x)  s = Add (b, x)  t = Add (a, s)  y = Neg (t) }"
    case = lined_up(ours, theirs)
    assert pairs_of(case) == {"a": "a", "b": "b", "t": "t", "y": "y"}
    assert case.coverage.fused == 1


def test_behind_a_fault_values_are_paired_as_before_it():
    """The candidate is cut apart at what is certain, so the fault hides no partner behind it."""
    steps = "  o = Constant <value = float {{1}}> ()  e = Exp ({0})  f = Add (e, o)  g = Log (f)"
    ours = "{ a = Elu (x)  g = Softplus (a)  h = Sin (g)  k = Softplus (h)  y = Neg (k) }"
    theirs = "{ a = Elu <alpha = 0.5> (x)" + steps.format("a")
    theirs += "  h = Sin (g)  e2 = Exp (h)  f2 = Add (e2, o)  k2 = Log (f2)  y = Neg (k2) }"
    case = lined_up(ours, theirs, {"x": X})
    found = pairs_of(case)
    assert found["a"] == "a" and found["g"] == "g" and found["h"] == "h" and found["k2"] == "k"
    head = "g (float[2, 8] x) => (float[2, 8] y) "
    report = bisect(parsed(head + ours), parsed(head + theirs), inputs={"x": X})
    assert [culprit.op_type for culprit in report.culprits] == ["Elu"]


def test_nothing_is_run_where_structure_settles_all():
    text = "g (float[2, 8] x) => (float[2, 8] y) { a = Relu (x)  y = Neg (a) }"
    ours, theirs = sides(parsed(text), parsed(text.replace(" a =", " b =").replace("(a)", "(b)")))
    with open_case(ours, theirs):
        assert ours.runs == theirs.runs == 0


def test_equal_numbers_by_chance_make_no_pairs():
    """With zeros for x all of these are zeros, so the numbers say nothing."""
    zeros = {"x": np.zeros((2, 8), np.float32)}
    ours = "{ a = Sin (x)  b = Tan (a)  c = Atan (b)  d = Add (a, c)  y = Add (d, b) }"
    theirs = "{ p = Sinh (x)  q = Asin (p)  r = Tanh (q)  s = Add (r, q)  y = Add (p, s) }"
    case = lined_up(ours, theirs, zeros)
    assert not {"q", "r"} & pairs_of(case).keys()
