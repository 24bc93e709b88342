"""--map: pairs of values that the user vouches for."""

from __future__ import annotations

import numpy as np
import pytest

from pyonnxtool import bisect, diff
from pyonnxtool.divergence.pairing.given_pairs import GivenPair, given_pairs, kept_names
from pyonnxtool.errors import UsageError
from support.parsed import parsed

OURS = "g (float[4] x) => (float[4] y) { a = Relu (x)  b = Exp (a)  y = Neg (b) }"


def models():
    theirs = OURS.replace("a =", "p =").replace("(a)", "(p)").replace("b", "r")
    return parsed(OURS), parsed(theirs)


def test_texts_tuples_and_mappings_are_pairs():
    for given in (["a=p"], [("a", "p")], {"a": "p"}):
        assert given_pairs(given, *models()) == [GivenPair("a", "p")]


def test_a_text_without_an_equals_sign_is_told_how_to_write_it():
    with pytest.raises(UsageError, match=r"--map a: write REF=CAND"):
        given_pairs(["a"], *models())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aa=p", "--map aa=p: the reference has no value 'aa'; did you mean 'a'"),
        ("a=R", "--map a=R: the candidate has no value 'R'; did you mean 'r'"),
        ("a=zz", "--map a=zz: the candidate has no value 'zz'"),
    ],
)
def test_a_value_that_is_not_there_is_told_with_its_closest(text, message):
    with pytest.raises(UsageError) as raised:
        given_pairs([text], *models())
    assert str(raised.value).startswith(message)


def test_an_equals_sign_may_be_part_of_a_name():
    ours, _ = models()
    graph = ours.copy()
    graph.graph.rename_value("a", "k=v")
    assert given_pairs(["k=v=p"], graph, models()[1]) == [GivenPair("k=v", "p")]


X = np.linspace(-2, 2, 4, dtype=np.float32)


def test_a_given_pair_is_compared_and_reported_as_any_other():
    ours = parsed(OURS)
    theirs = parsed(OURS.replace("a = Relu (x)  b = Exp (a)", "c = Clip (x)  b = Exp (c)"))
    without = diff(ours, theirs, inputs={"x": X})
    told = diff(ours, theirs, inputs={"x": X}, value_map={"a": "c"})
    assert ("a", "c") in {(row.reference_value, row.value) for row in told.values}
    assert told.coverage.compared >= without.coverage.compared
    report = bisect(ours, theirs, inputs={"x": X}, value_map=["a=c"])
    assert report.culprits[0].op_type == "Clip"


STEPS = "".join(f" v{i + 1} = Relu (v{i})" for i in range(10))
TURNED = "g (float[2,3] v0) => (float[2,3] y) {" + STEPS + " y = Exp (v10) }"


def test_names_are_kept_where_only_transposes_came_or_went():
    turn = "t = Transpose (v2)  u = Transpose (t)  v3 = Relu (u)"
    ours = parsed(TURNED.replace("v3 = Relu (v2)", turn))
    kept = kept_names(ours, parsed(TURNED))
    assert {(one.reference, one.candidate) for one in kept} == {
        *((f"v{i}", f"v{i}") for i in range(1, 11)),
        ("y", "y"),
    }
    assert all(one.guessed and one.form is None for one in kept)


def test_names_tell_nothing_where_nodes_differ_or_no_transpose_does():
    turned = TURNED.replace("v3 = Relu (v2)", "t = Transpose (v2)  v3 = Relu (t)")
    assert kept_names(parsed(TURNED), parsed(TURNED)) == []
    assert kept_names(parsed(TURNED), parsed(turned.replace("Relu", "Abs"))) == []
    shifted = turned.replace("v", "w")
    assert kept_names(parsed(TURNED), parsed(shifted)) == []
