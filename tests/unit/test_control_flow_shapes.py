"""Shapes of branches, loops, scans, sequences and optionals, known sizes and named ones."""

from __future__ import annotations

import pytest

from pyonnxtool import _core, from_proto
from support.specialized import parse


def inferred(text: str, opset: int = 18) -> _core.ShapeFacts:
    model = parse(text, opset=opset)
    for output in model.graph.output:
        output.ClearField("type")
    return _core.infer_shapes(from_proto(model))


def dims(facts: _core.ShapeFacts, name: str = "y") -> list[int | float | str | None] | None:
    return facts.value(name).dims


GROWS = """y{out} = Loop (trip, "", x) <body = b (int64 i, bool g, float[k,4] h)
  => (bool o, float[l,4] p{row}) {{ o = Identity (g)  p = Concat <axis = 0> (h, x) {more} }}>"""


def test_each_turn_is_known_where_the_number_of_turns_is() -> None:
    row = "q = ReduceSum <keepdims = 0> (p)"
    body = GROWS.format(out=", s", row=", float q", more=row)
    head = "g (float[b,4] x) => (float[a,4] y, float[n] s) <int64 trip = {4}>"
    facts = inferred(f"{head} {{{body}}}")
    assert dims(facts) == ["5*b", 4]
    assert dims(facts, "s") == [4]


def test_what_grows_is_open_where_the_number_of_turns_is() -> None:
    body = GROWS.format(out="", row="", more="")
    facts = inferred(f"g (float[2,4] x, int64 trip) => (float[a,4] y) {{{body}}}")
    assert dims(facts) == [None, 4]
    assert facts.value("y").reasons


def test_a_named_trip_count_is_the_length_of_what_is_collected() -> None:
    facts = inferred("""g (float[t,4] x) => (float[a,4] y, float[n,4] s)
     <int64 zero = {0}, int64[1] axes = {0}> {
      shape = Shape (x)  trip = Gather (shape, zero)  h = ReduceSum <keepdims = 0> (x, axes)
      y, s = Loop (trip, "", h) <body = b (int64 i, bool g, float[4] h0)
        => (bool o, float[4] p, float[4] q) {
          o = Identity (g)  p = Sin (h0)  r = Gather (x, i)  q = Add (p, r) }> }""")
    assert dims(facts) == [4]
    assert dims(facts, "s") == ["t", 4]


def test_an_unknown_trip_count_says_so() -> None:
    facts = inferred("""g (float[3,4] x, int64 trip) => (float[3,4] y, float[n,4] s) {
      y, s = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h)
        => (bool o, float[3,4] p, float[4] q) <int64 zero = {0}> {
          o = Identity (g)  p = Sin (h)  q = Gather (p, zero) }> }""")
    assert dims(facts) == [3, 4]
    assert dims(facts, "s") == [None, 4]
    (reason,) = facts.value("s").reasons
    assert reason.endswith("its trip count is known only at run time")


def test_a_turn_that_contradicts_itself_means_that_there_is_none() -> None:
    text = """g (float[3,4] x, int64 trip) => (float[3,4] y) <int64 two = {2}> {
      y = Loop (TRIP, "", x) <body = b (int64 i, bool g, float[3,4] h)
        => (bool o, float[3,4] p) { o = Identity (g)  p = MatMul (h, h) }> }"""
    facts = inferred(text.replace("TRIP", "trip"))
    assert dims(facts) == [3, 4]
    assert not facts.contradictions
    assert len(inferred(text.replace("TRIP", "two")).contradictions) == 1


def test_facts_of_a_body_hold_in_every_turn() -> None:
    body = GROWS.format(out="", row="", more="n = Shape (h)")
    facts = inferred(f"g (float[2,4] x) => (float[a,4] y) <int64 trip = {{4}}> {{{body}}}")
    known = {value.name: fact for value, fact in facts}
    assert dims(facts) == [10, 4]
    assert known["h"].dims == [None, 4]
    assert known["n"].elements == [None, 4]


def test_branches_meet_in_what_both_have() -> None:
    facts = inferred("""g (float[b,4] x, bool c) => (float[m,4] y, float[b,4] z) {
      y, z = If (c) <then_branch = t () => (float[p,4] u, float[b,4] v) {
          u = Concat <axis = 0> (x, x)  v = Sin (x) },
        else_branch = e () => (float[q,4] r, float[b,4] s) { r = Neg (x)  s = Cos (x) }> }""")
    assert dims(facts) == [None, 4]
    assert dims(facts, "z") == ["b", 4]


SCAN = """y, s = Scan {inputs} <num_scan_inputs = {n}, body = b (float[4] h, {given})
  => (float[4] p, float[4] q) {{ p = Add (h, {last})  q = Sin (p) }}>"""


def test_a_scan_is_as_long_as_its_inputs() -> None:
    node = SCAN.format(inputs="(h0, x)", n=1, given="float[4] e", last="e")
    facts = inferred(f"g (float[4] h0, float[t,4] x) => (float[4] y, float[n,4] s) {{{node}}}")
    assert (dims(facts), dims(facts, "s")) == ([4], ["t", 4])
    node = SCAN.format(inputs='("", h0, x)', n=1, given="float[4] e", last="e")
    text = f"g (float[b,4] h0, float[b,t,4] x) => (float[b,4] y, float[b,n,4] s) {{{node}}}"
    facts = inferred(text, opset=8)
    assert (dims(facts), dims(facts, "s")) == (["b", 4], ["b", "t", 4])


CONTRADICTIONS = {
    "scan inputs of unlike lengths": (
        "g (float[4] h0, float[5,4] x, float[6,4] z) => (float[4] y, float[n,4] s) {"
        + SCAN.format(inputs="(h0, x, z)", n=2, given="float[4] e, float[4] f", last="e")
        + "}",
        "input 2 'z' has 6 elements to scan, an input before it has 5",
    ),
    "a position behind the end": (
        "g (float[4] x) => (float[4] y) <int64 two = {2}> {"
        " s = SequenceConstruct (x, x)  y = SequenceAt (s, two) }",
        "position 2 is outside of a sequence of 2",
    ),
    "nothing to erase": (
        "g (float[4] x) => (seq(float[4]) y) { s = SequenceEmpty ()  y = SequenceErase (s) }",
        "an empty sequence has nothing to erase",
    ),
    "parts that do not add up": (
        "g (float[4] x) => (seq(float[n]) y) <int64[2] parts = {1, 2}> {"
        " y = SplitToSequence (x, parts) }",
        "`split` sums up to 3, the axis has 4",
    ),
    "no such axis to split": (
        "g (float[4] x) => (seq(float[n]) y) { y = SplitToSequence <axis = 1> (x) }",
        "its axis is outside of the rank of input 0 'x'",
    ),
    "no such axis to concatenate": (
        "g (float[4] x) => (float[n] y) { s = SequenceConstruct (x)"
        " y = ConcatFromSequence <axis = 1> (s) }",
        "its axis is outside of the rank of the items",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_cannot_be_says_what_is_wrong(name: str) -> None:
    text, message = CONTRADICTIONS[name]
    ((_, found),) = inferred(text).contradictions
    assert found.endswith(f": {message}")


def test_sequences_know_their_items() -> None:
    facts = inferred("""g (float[b,4] x, float[c,4] z, int64 p) => (float[n,4] y) {
      s = SequenceConstruct (x, z)  n = SequenceLength (s)  y = ConcatFromSequence <axis = 0> (s)
      t = SequenceInsert (s, x, p)  m = SequenceLength (t)  v = SequenceAt (t, p)
      w = ConcatFromSequence <axis = 1> (s) }""")
    assert dims(facts) == ["b + c", 4]
    assert facts.value("n").elements == [2]
    assert facts.value("m").elements == [3]
    assert dims(facts, "v") == [None, 4]
