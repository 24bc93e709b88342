"""Pairing of two graphs, on graphs as text."""

from __future__ import annotations

import onnx.parser
import pytest

from pyonnxtool import _core
from pyonnxtool.errors import ModelError


def model(body: str, inputs: str = "float[4] x", outputs: str = "float[4] y"):
    text = f'<ir_version: 8, opset_import: ["" : 17]> g ({inputs}) => ({outputs}) {{ {body} }}'
    return _core.from_bytes(onnx.parser.parse_model(text).SerializeToString())


def pairs(reference, candidate) -> dict[str, str]:
    made = _core.align(reference, candidate, [("x", "x")], [("y", "y")])
    return {theirs: ours for ours, theirs, _ in made.values}


def test_an_inserted_round_trip_stands_for_the_value_it_copies():
    ours = model("a = Relu(x) y = Neg(a)")
    theirs = model("a = Relu(x) h = Cast<to=10>(a) b = Cast<to=1>(h) y = Neg(b)")
    assert pairs(ours, theirs) == {"a": "a", "b": "a", "y": "y"}


def test_a_dropped_node_leaves_its_reader_paired():
    ours = model("a = Sqrt(x) b = Relu(a) y = Neg(b)")
    theirs = model("a = Sqrt(x) y = Neg(a)")
    made = _core.align(ours, theirs, [("x", "x")], [("y", "y")])
    assert {t: o for o, t, _ in made.values} == {"a": "a", "y": "y"}
    assert made.unmatched_reference == ["b"]
    assert [same for _, _, same in made.nodes] == [True, False]


def test_another_operator_in_place_of_one_is_paired_with_it():
    ours = model("a = Sqrt(x) b = Relu(a) c = Exp(b) y = Neg(c)")
    theirs = model("p = Sqrt(x) q = Sigmoid(p) r = Exp(q) y = Neg(r)")
    assert pairs(ours, theirs) == {"p": "a", "q": "b", "r": "c", "y": "y"}


def test_equal_names_of_different_nodes_do_not_mislead():
    """As when an exporter numbers its values: the names are there, but one further on."""
    ours = model("v1 = Relu(x) v2 = Exp(v1) v3 = Relu(v2) y = Neg(v3)")
    theirs = model("v0 = Relu(x) v1 = Exp(v0) v2 = Relu(v1) y = Neg(v2)")
    assert pairs(ours, theirs) == {"v0": "v1", "v1": "v2", "v2": "v3", "y": "y"}


def test_twins_that_cannot_be_told_apart_are_ambiguous_and_not_paired():
    """Two random draws: same operator, same inputs, other values; only their reader differs."""
    ours = model("p = RandomNormalLike(x) q = RandomNormalLike(x) a = Add(p, q) y = Add(a, x)")
    theirs = model("r = RandomNormalLike(x) s = RandomNormalLike(x) a = Add(s, r) y = Add(a, x)")
    made = _core.align(ours, theirs, [("x", "x")], [("y", "y")])
    assert sorted(made.ambiguous) == ["r", "s"]
    assert {t: o for o, t, _ in made.values} == {"a": "a", "y": "y"}


def test_equal_computations_are_paired_each():
    ours = model("a = Shape(x) b = Shape(x) c = Reshape(x, a) d = Reshape(c, b) y = Neg(d)")
    theirs = model("p = Shape(x) q = Shape(x) c = Reshape(x, q) d = Reshape(c, p) y = Neg(d)")
    found = pairs(ours, theirs)
    assert found["p"] in ("a", "b") and found["q"] in ("a", "b")
    assert found["c"] == "c" and found["d"] == "d"


def test_two_faults_leave_the_stretch_between_them_paired():
    ours = model("a = Relu(x) b = Exp(a) c = Sqrt(b) d = Tanh(c) e = Abs(d) y = Neg(e)")
    theirs = model("a = Relu(x) b = Sin(a) c = Sqrt(b) d = Cos(c) e = Abs(d) y = Neg(e)")
    assert pairs(ours, theirs) == {"a": "a", "b": "b", "c": "c", "d": "d", "e": "e", "y": "y"}


def test_bodies_count_by_structure_not_by_name():
    body = "c = Cast<to=9>(n) y = If(c)<then_branch = t () => (float[4] {0}) {{ {0} = Relu(x) }},"
    body += " else_branch = e () => (float[4] {1}) {{ {1} = {2}(x) }}>"
    inputs = "float[4] x, float n"
    ours = model(body.format("p", "q", "Neg"), inputs)
    for last, same in (("Neg", True), ("Abs", False)):
        theirs = model(body.format("r", "s", last), inputs)
        made = _core.align(ours, theirs, [("x", "x"), ("n", "n")], [("y", "y")])
        assert [s for _, _, s in made.nodes] == [True, same]


def test_a_cycle_is_an_error_that_names_a_node():
    bad = model("a = Add(x, b) b = Neg(a) y = Relu(b)")
    with pytest.raises(ModelError, match="cycle"):
        _core.align(bad, bad, [("x", "x")], [("y", "y")])
