"""Sequences and optionals below the opsets that have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.downgraded import check, lowered, refusal, source

RNG = np.random.default_rng(11)


def floats(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


def ops_of(model: Any) -> set[str]:
    return {node.op_type for node in model.graph.node}


SEQUENCES = [
    ("?,?", "s = SequenceConstruct (x, z)  y = SequenceAt (s, one)"),
    (
        "?,?",
        "s = SequenceConstruct (x, z)  t = SequenceInsert (s, x, zero)"
        "  u = SequenceErase (t, one)  y = ConcatFromSequence <axis = 1> (u)",
    ),
    ("?,?,?", "s = SequenceConstruct (x, z)  y = ConcatFromSequence <axis = 0, new_axis = 1> (s)"),
    ("?,?", "s = SplitToSequence <axis = 1> (x, sizes)  y = SequenceAt (s, one)"),
    (
        "?",
        "s = SplitToSequence <axis = 0, keepdims = 0> (x)  y = ConcatFromSequence <axis = 0> (s)",
    ),
    (
        "?,?",
        "s = SequenceConstruct (x, z, x)  n = SequenceLength (s)  f = Cast <to = 1> (n)"
        "  y = Add (x, f)",
    ),
    ("?,?", "e = SequenceEmpty ()  s = SequenceInsert (e, x)  y = SequenceAt (s, zero)"),
]


@pytest.mark.parametrize("to", [17, 12, 11, 10, 9])
@pytest.mark.parametrize(("shape", "body"), SEQUENCES)
def test_known_sequences(to: int, shape: str, body: str) -> None:
    text = f"""g (float[2,3] x, float[2,3] z) => (float[{shape}] y)
      <int64 one = {{1}}, int64 zero = {{0}}, int64[2] sizes = {{1, 2}}> {{ {body} }}"""
    made = check(source(text, 18), to, {"x": floats(2, 3), "z": floats(2, 3)})
    if to < 11:
        assert not any("Sequence" in op for op in ops_of(made))


@pytest.mark.parametrize("to", [16, 12, 11, 9])
def test_a_known_map(to: int) -> None:
    text = """g (float[2,3] x, float[2,3] z) => (float[?,?] y) { s = SequenceConstruct (x, z)
      t = SequenceMap (s, x) <body = b (float[2,3] e, float[2,3] a) => (float[2,3] o) {
        o = Add (e, a) }>
      y = ConcatFromSequence <axis = 0> (t) }"""
    check(source(text, 18), to, {"x": floats(2, 3), "z": floats(2, 3)})


def test_a_map_of_unknown_types_is_refused() -> None:
    """The onnx package follows the type that is not there, and takes the process down."""
    text = """<ir_version: 8, opset_import: ["" : 17, "custom" : 1]>
    g (float[2,3] x) => (float[?] y) { s = custom.Items (x)
      t = SequenceMap (s) <body = b (e) => (o) { o = Neg (e) }>
      y = ConcatFromSequence <axis = 0> (t) }"""
    told = refusal(text, 16)
    assert "its function body depends on the type of 's', which is not known" in told


@pytest.mark.parametrize("to", [17, 12, 11, 10, 9])
@pytest.mark.parametrize("taken", [True, False])
def test_sequences_out_of_branches(to: int, taken: bool) -> None:
    text = """g (float[2,3] x, bool c) => (float[?,?] y) <int64 zero = {0}> { s = If (c) <
        then_branch = t () => (seq(float[2,3]) ts) { n = Neg (x)  ts = SequenceConstruct (n, x) },
        else_branch = e () => (seq(float[2,3]) es) { a = Abs (x)  es = SequenceConstruct (x, a) }>
      y = SequenceAt (s, zero) }"""
    check(source(text, 18), to, {"x": floats(2, 3), "c": np.array(taken)})


def test_sequences_of_other_lengths_out_of_branches() -> None:
    text = """g (float[2,3] x, bool c) => (float[?,?] y) <int64 zero = {0}> { s = If (c) <
        then_branch = t () => (seq(float[2,3]) ts) { ts = SequenceConstruct (x, x) },
        else_branch = e () => (seq(float[2,3]) es) { es = SequenceConstruct (x) }>
      y = SequenceAt (s, zero) }"""
    assert lowered(source(text, 18), 13)
    assert "sequences of other, or unknown, lengths" in refusal(source(text, 18), 12)


OPTIONALS = [
    "o = Optional (x)  y = OptionalGetElement (o)",
    "y = OptionalGetElement (x)",
    "h = OptionalHasElement (x)  f = Cast <to = 1> (h)  y = Add (x, f)",
    "h = OptionalHasElement ()  f = Cast <to = 1> (h)  y = Add (x, f)",
    "o = Optional (x)  h = OptionalHasElement (o)  f = Cast <to = 1> (h)  y = Add (x, f)",
    "o = Optional <type = float[2]> ()  h = OptionalHasElement (o)  f = Cast <to = 1> (h)"
    "  y = Add (x, f)",
]


@pytest.mark.parametrize("to", [18, 17, 15, 14, 9])
@pytest.mark.parametrize("body", OPTIONALS)
def test_known_optionals(to: int, body: str) -> None:
    made = check(source(f"g (float[2] x) => (float[2] y) {{ {body} }}", 20), to, {"x": floats(2)})
    if to < 15:
        assert not any("Optional" in op for op in ops_of(made))


def test_optionals_that_are_given_are_refused() -> None:
    text = source("g (optional(float[2]) x) => (bool y) { y = OptionalHasElement (x) }", 18)
    assert lowered(text, 15)
    told = refusal(text, 14)
    assert "input 'x' is optional(tensor(float)), a type that is new in opset 15" in told
    assert "this one may hold something" in told


@pytest.mark.parametrize("to", [13, 12, 11])
def test_a_sequence_from_input_to_output(to: int) -> None:
    text = "g (seq(float[2]) x) => (seq(float[2]) y) { y = Identity (x) }"
    check(source(text, 18), to, {"x": [floats(2), floats(2)]})
    check(source(text, 18), to, {"x": []})


GROWN = {
    "one axis, open": ("e = Slice (x, zero, end)", "float[N]"),
    "no axes": ("e = ReduceSum <keepdims = 0> (x)", "float"),
    "two axes": ("k = Unsqueeze (x, one)  e = Slice (k, zero, end)", "float[N,1]"),
}


@pytest.mark.parametrize("to", [13, 12, 11])
@pytest.mark.parametrize("turns", [0, 1, 3])
@pytest.mark.parametrize("kind", GROWN)
def test_a_sequence_that_grows_in_a_loop(to: int, turns: int, kind: str) -> None:
    making, item = GROWN[kind]
    text = f"""g (float[5] x, int64 n, bool c) => (seq({item}) y, int64 last)
      <int64[1] zero = {{0}}, int64[1] one = {{1}}, int64 start = {{0}}> {{ s = SequenceEmpty ()
      last, y = Loop (n, c, start, s) <body = b (int64 i, bool ci, int64 w, seq({item}) si)
        => (bool co, int64 wo, seq({item}) so) {{ co = Identity (ci)  wo = Add (w, i)
          end = Add (i, one)  {making}  so = SequenceInsert (si, e) }}> }}"""
    feeds = {"x": floats(5), "n": np.array(turns), "c": np.array(True)}
    check(source(text, 18), to, feeds, ulp=4)


def test_a_sequence_that_is_read_in_a_loop_is_refused() -> None:
    text = """g (float[5] x, int64 n, bool c) => (seq(float[5]) y)
      <int64 zero = {0}> { s = SequenceConstruct (x)
      y = Loop (n, c, s) <body = b (int64 i, bool ci, seq(float[5]) si)
        => (bool co, seq(float[5]) so) { co = Identity (ci)  e = SequenceAt (si, zero)
          so = SequenceInsert (si, e) }> }"""
    assert "a sequence that is not empty before" in refusal(source(text, 18), 12)
