"""Two models in step: errors along the way, chunks, sessions that refuse, shapes that change."""

from __future__ import annotations

import numpy as np
import pytest

from pyonnxtool.diffing import diff
from pyonnxtool.divergence.plan import Pair, plan_chunks
from pyonnxtool.errors import UsageError
from support.parsed import parsed

CHAIN = """g (float[N,64] x) => (float[N,64] y) {
  a = Relu (x)  b = Exp (a)  c = Add (a, b)  d = Sqrt (c)  e = Mul (d, a)  y = Softmax (e) }"""
X = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)


def rows(report):
    return {row.value: row for row in report.values}


def test_equal_models_are_the_same_to_the_last_bit():
    report = diff(parsed(CHAIN), parsed(CHAIN), inputs={"x": X})
    assert report.verdict == "same"
    assert {row.status for row in report.values} == {"ok"}
    assert report.coverage.compared == 6


def test_an_error_is_introduced_once_and_accumulates_from_there():
    wrong = CHAIN.replace("Sqrt (c)", "Pow (c, half)").replace("{\n", "<float half = {0.51}> {\n")
    found = rows(diff(parsed(CHAIN), parsed(wrong), inputs={"x": X}))
    assert [name for name, row in found.items() if row.status == "bad"] == ["d"]
    assert found["e"].status == "noise"
    assert found["e"].introduced["max_abs"] == 0
    assert found["e"].accumulated["max_abs"] > 0.01
    assert found["e"].gain == pytest.approx(
        (found["e"].accumulated["max_abs"] / np.abs(reference_e()).max())
        / (found["d"].accumulated["max_abs"] / np.abs(reference_d()).max())
    )


def reference_d():
    a = np.maximum(X, 0)
    return np.sqrt(a + np.exp(a))


def reference_e():
    return reference_d() * np.maximum(X, 0)


@pytest.mark.parametrize("introduced", [True, False])
def test_chunks_give_the_numbers_of_one_piece(introduced):
    """64 KiB a value, and room for few of them: values are handed on from chunk to chunk."""
    big = np.tile(X, (64, 4))[:, :64]
    wrong = CHAIN.replace("Exp (a)", "Softplus (a)")
    whole = diff(parsed(CHAIN), parsed(wrong), inputs={"x": big}, introduced=introduced)
    cut = diff(
        parsed(CHAIN), parsed(wrong), inputs={"x": big}, introduced=introduced, memory="3MiB"
    )
    assert cut.runs["reference"] > whole.runs["reference"]
    assert rows(cut) == rows(whole)


def test_samples_of_other_shapes_are_compared_each():
    feeds = [{"x": X[:n]} for n in (1, 7, 64)]
    report = diff(parsed(CHAIN), parsed(CHAIN), inputs=feeds)
    assert report.samples == 3
    assert report.verdict == "same"


def test_a_node_that_cannot_run_alone_is_noted_and_the_others_are_compared():
    """Fed the reference's values, the candidate's Reshape gets a shape that does not fit."""
    text = """g (float[2,6] x) => (float[A,B] y) <int64[2] s = {0}, int64[2] w = {1}>
      { t = Mul (s, w)  r = Reshape (x, t)  y = Neg (r) }"""
    good = parsed(text.replace("s = {0}", "s = {3, 4}").replace("w = {1}", "w = {1, 1}"))
    other = parsed(
        text.replace("s = {0}", "s = {2, 6}").replace("w = {1}", "w = {1, 1}"), ir_version=9
    )
    report = diff(good, other, inputs={"x": np.ones((2, 6), np.float32)})
    assert report.verdict == "different"
    assert rows(report)["r"].note == "shape (3, 4) vs (2, 6)"


def test_sequences_pass_through_and_are_not_cut():
    text = """g (float[2,4] x) => (float[2,4] y) {
      s = SplitToSequence <axis = 1> (x)  j = ConcatFromSequence <axis = 1> (s)  y = Neg (j) }"""
    report = diff(parsed(text), parsed(text), inputs={"x": np.ones((2, 4), np.float32)})
    assert report.verdict == "same"
    assert rows(report)["y"].status == "ok"


def test_a_filter_that_fits_nothing_is_an_error():
    with pytest.raises(UsageError, match="no value fits --only zzz"):
        diff(parsed(CHAIN), parsed(CHAIN), inputs={"x": X}, only=["zzz"])


def test_only_some_operators():
    report = diff(parsed(CHAIN), parsed(CHAIN), inputs={"x": X}, only=["op:S*"])
    assert list(rows(report)) == ["d", "y"]


def test_progress_counts_up_to_its_total():
    seen = []
    feeds = [{"x": X}, {"x": X}]
    diff(parsed(CHAIN), parsed(CHAIN), inputs=feeds, progress=lambda *step: seen.append(step))
    assert seen == [("comparing", 1, 2), ("comparing", 2, 2)]


def test_a_value_larger_than_the_limit_is_a_chunk_of_its_own():
    model = parsed(CHAIN)
    pairs = [Pair(name, name) for name in "abcdey"]
    sizes = dict.fromkeys("abcdey", 10) | {"c": 100}
    chunks = plan_chunks(model, model, pairs, sizes, 20)
    assert [[pair.candidate for pair in chunk.pairs] for chunk in chunks] == [
        ["a", "b"],
        ["c"],
        ["d", "e"],
        ["y"],
    ]
    assert chunks[0].keep_reference == {"a", "b"}
    assert chunks[2].keep_reference == {"e"}
