"""Sequences of known items become plain tensors; the others, and those handed out, stay."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from support.specialized import parse
from support.taken_apart import compared

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 4)).astype(np.float32)
Z = RNG.standard_normal((3, 4)).astype(np.float32)

GONE = {
    "items by position": """g (float[3,4] x, float[3,4] z) => (float[3,4] y, float[3,4] w)
     <int64 one = {1}, int64 back = {-3}> {
      a = Abs (x)  s = SequenceConstruct (x, z, a)
      p = SequenceAt (s, one)  q = SequenceAt (s, back)  y = Sin (p)  w = Cos (q) }""",
    "inserted and erased": """g (float[3,4] x, float[3,4] z) => (float[a,4] y, int64 n)
     <int64 zero = {0}, int64 last = {-1}, int64 two = {2}> {
      e = SequenceEmpty <dtype = 1> ()  s = SequenceInsert (e, x)
      t = SequenceInsert (s, z, zero)  a = Abs (x)  u = SequenceInsert (t, a, last)
      v = SequenceInsert (u, z)  w = SequenceErase (v, two)  k = SequenceErase (w)
      n = SequenceLength (k)  y = ConcatFromSequence <axis = 0> (k) }""",
    "concatenated on a new axis": """g (float[3,4] x, float[3,4] z) => (float[p,q,r] y)  {
      s = SequenceConstruct (x, z, x)
      y = ConcatFromSequence <axis = -1, new_axis = 1> (s) }""",
    "concatenated on an axis": """g (float[3,4] x, float[3,4] z) => (float[p,q] y)  {
      s = SequenceConstruct (x, z, x)
      y = ConcatFromSequence <axis = -1> (s) }""",
    "one item": """g (float[3,4] x, float[3,4] z) => (float[p,q] y, float[o,p,q] w) {
      s = SequenceConstruct (x)  y = ConcatFromSequence <axis = 0> (s)
      w = ConcatFromSequence <axis = 0, new_axis = 1> (s) }""",
    "split in parts of a size": """g (float[3,4] x, float[3,4] z) => (float[p,q] y, float[p,r] w)
     <int64 three = {3}, int64 one = {1}, int64 zero = {0}> {
      s = SplitToSequence <axis = 1> (x, three)
      y = SequenceAt (s, one)  w = SequenceAt (s, zero) }""",
    "split in parts of given sizes": """g (float[3,4] x, float[3,4] z) => (float[p,q] y)
     <int64[3] sizes = {1, 2, 1}> {
      s = SplitToSequence <axis = -1> (x, sizes)
      y = ConcatFromSequence <axis = 1> (s) }""",
    "split in elements": """g (float[3,4] x, float[3,4] z) => (float[p,q] y, float[p] w)
     <int64 back = {-1}> {
      s = SplitToSequence <axis = 1, keepdims = 1> (x)  t = SplitToSequence <keepdims = 0> (z)
      y = SequenceAt (s, back)  w = SequenceAt (t, back) }""",
    "unbound, as PyTorch writes it": """g (float[3,4] x, float[3,4] z) => (float[p] y, float[q,r] w)
     <int64 one = {1}, int64 back = {-1}> {
      s = SplitToSequence <axis = 1, keepdims = 0> (x, one)  y = SequenceAt (s, back)
      w = ConcatFromSequence <axis = 0, new_axis = 1> (s) }""",
    "given sizes keep the axis": """g (float[3,4] x, float[3,4] z) => (float[p,q] y)
     <int64[3] sizes = {1, 1, 1}, int64 one = {1}> {
      s = SplitToSequence <axis = 0, keepdims = 0> (x, sizes)  y = SequenceAt (s, one) }""",
    "split in one part": """g (float[3,4] x, float[3,4] z) => (float[p,q] y) <int64 nine = {9}> {
      s = SplitToSequence <axis = 0> (x, nine)  y = ConcatFromSequence <axis = 1> (s) }""",
    "mapped": """g (float[3,4] x, float[3,4] z) => (float[p,q] y, float[3,4] w)
     <int64 one = {1}> {
      s = SequenceConstruct (x, z)  t = SequenceConstruct (z, x)  d = Abs (x)
      u, v = SequenceMap (s, t, d) <body = b (float[3,4] a, float[3,4] c, float[3,4] e)
        => (float[3,4] f, float[3,4] h) { f = Sub (a, c)  g = Mul (f, e)  h = Add (g, x) }>
      y = ConcatFromSequence <axis = 0> (u)  w = SequenceAt (v, one) }""",
    "read in a body": """g (float[3,4] x, float[3,4] z) => (float[3,4] y) <int64 one = {1}> {
      s = SplitToSequence <axis = 0> (x)  m = ReduceMax <keepdims = 0> (z)
      zero = Constant <value_float = 0.0> ()  c = Greater (m, zero)
      y = If (c) <then_branch = t () => (float[3,4] ty) {
          p = SequenceAt (s, one)  ty = Add (x, p) },
        else_branch = e () => (float[3,4] ey) { ey = Neg (x) }> }""",
    "an optional": """g (float[3,4] x, float[3,4] z) => (float[3,4] y, bool h) {
      a = Abs (x)  o = Optional (a)  y = OptionalGetElement (o)  h = OptionalHasElement (o) }""",
}
OF_SEQUENCES = ("Sequence", "Optional")


@pytest.mark.parametrize("opset", [11, 17, 21])
@pytest.mark.parametrize("name", GONE)
def test_known_items_take_the_place_of_their_sequence(name: str, opset: int) -> None:
    needed = {"mapped": 17, "an optional": 15, "read in a body": 12}.get(name, 11)
    model = parse(GONE[name], opset=max(opset, needed))
    found = compared(model, [{"x": X, "z": Z}])
    assert not [op for op in found.operators if any(word in op for word in OF_SEQUENCES)]
    assert not found.left or "If" in found.operators
    assert all(isinstance(size, int) for sizes in found.outputs.values() for size in sizes)


def test_an_empty_optional_chooses_the_branch() -> None:
    model = parse(
        "g (float[3,4] x) => (float[3,4] y) { e = Optional ()  n = OptionalHasElement (e)"
        " y = If (n) <then_branch = t () => (float[3,4] ty) { ty = OptionalGetElement (e) },"
        "             else_branch = f () => (float[3,4] fy) { fy = Neg (x) }> }"
    )
    kind = helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, [3, 4])
    model.graph.node[0].attribute.append(helper.make_attribute("type", kind))
    assert compared(model, [{"x": X}]).operators == {"Neg": 1}


def test_a_sequence_that_is_handed_out_stays() -> None:
    model = parse(
        "g (float[3,4] x) => (seq(float[p,q]) s, float[p,q] y) <int64 two = {2}> {"
        " s = SplitToSequence (x, two)  y = ConcatFromSequence <axis = 0> (s) }"
    )
    found = compared(model, [{"x": X}])
    assert found.operators == {"SplitToSequence": 1, "Split": 1, "Concat": 1}


LEFT = {
    "a position that data decides": (
        "g (float[3,4] x, int64 p) => (float[3,4] y) { a = Abs (x)"
        " s = SequenceConstruct (x, a)  y = SequenceAt (s, p) }",
        {"x": X, "p": np.array(1)},
        "its position is known only at run time",
    ),
    "inserted where data decides": (
        "g (float[3,4] x, int64 p) => (float[r,4] y) { a = Abs (x)"
        " s = SequenceConstruct (x, a)  t = SequenceInsert (s, a, p)"
        " y = ConcatFromSequence <axis = 0> (t) }",
        {"x": X, "p": np.array(1)},
        "the items of sequence 't' are known only at run time",
    ),
    "parts that data decides": (
        "g (float[3,4] x, int64[n] p) => (float[r,4] y) <int64 zero = {0}> {"
        " s = SplitToSequence (x, p)  y = SequenceAt (s, zero) }",
        {"x": X, "p": np.array([1, 2])},
        "the items of sequence 's' are known only at run time",
    ),
}


@pytest.mark.parametrize("name", LEFT)
def test_a_sequence_that_stays_says_why(name: str) -> None:
    text, feed, reason = LEFT[name]
    found = compared(parse(text), [feed])
    assert list(found.left.values()) == [reason]
    assert found.outputs["y"][-1] == 4


def test_a_reader_of_a_long_split_does_not_keep_the_rounds_going() -> None:
    # One item is read by position, another where data says: the split is needed both ways.
    model = parse(
        "g (float[3,4] x, int64 p) => (float[q,4] y, float[r,4] w) <int64 one = {1}> {"
        " s = SplitToSequence (x)  y = SequenceAt (s, one)  w = SequenceAt (s, p) }"
    )
    found = compared(model, [{"x": X, "p": np.array(2)}])
    assert found.operators["Split"] == found.operators["SequenceAt"] == 1
