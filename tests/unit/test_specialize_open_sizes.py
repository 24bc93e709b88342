"""Only some sizes are bound: the result is the same at every other size, with less arithmetic."""

from __future__ import annotations

import re

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import pyonnxtool as pot
from support.ort_runs import run
from support.specialized import assert_same, dims_of, operators, parse, specialized

RNG = np.random.default_rng(11)


def normal(*shape: int) -> NDArray[np.float32]:
    return RNG.normal(size=shape).astype(np.float32)


def kept(model: onnx.ModelProto, *shapes: tuple[int, ...], **dims: int) -> onnx.ModelProto:
    """Bound to `dims`; equal to the model at each of these shapes of its input x."""
    found = specialized(model, dims=dims)
    feeds = [{"x": normal(*shape)} for shape in shapes]
    assert_same(run(model, feeds), run(found, feeds))
    return found


HEADS = """g (float[batch,s,8] x) => (float[batch,s,8] y) {
  shape = Shape (x)
  zero = Constant <value = int64 {0}> ()  one = Constant <value = int64 {1}> ()
  front = Constant <value_ints = [0]> ()
  b = Gather (shape, zero)  s = Gather (shape, one)
  b1 = Unsqueeze (b, front)  s1 = Unsqueeze (s, front)
  heads = Constant <value_ints = [2, 4]> ()  all = Constant <value_ints = [8]> ()
  split = Concat <axis = 0> (b1, s1, heads)
  h = Reshape (x, split)
  t = Transpose <perm = [0, 2, 1, 3]> (h)
  r = Relu (t)
  u = Transpose <perm = [0, 2, 1, 3]> (r)
  join = Concat <axis = 0> (b1, s1, all)
  y = Reshape (u, join)
}"""


@pytest.mark.parametrize("opset", [13, 18])
def test_heads_of_attention_need_no_sizes(opset: int) -> None:
    found = kept(parse(HEADS, opset), (1, 5, 8), (1, 1, 8), (1, 0, 8), batch=1)
    assert set(operators(found)) == {"Reshape", "Transpose", "Relu"}
    assert dims_of(found.graph.output[0]) == [1, "s", 8]


UPSAMPLED = """g (float[batch,3,h,w] x) => (float[batch,3,h2,w2] y) {
  shape = Shape (x)
  from = Constant <value_ints = [2]> ()  to = Constant <value_ints = [4]> ()
  start = Constant <value_ints = [0]> ()
  head = Slice (shape, start, from)  size = Slice (shape, from, to)
  twice = Mul (size, from)
  sizes = Concat <axis = 0> (head, twice)
  y = Resize <mode = "linear", coordinate_transformation_mode = "half_pixel"> (x, , , sizes)
}"""


def test_a_resize_to_twice_the_size_has_scales() -> None:
    found = kept(parse(UPSAMPLED), (1, 3, 4, 5), (1, 3, 1, 7), batch=1)
    assert operators(found) == {"Resize": 1}
    assert dims_of(found.graph.output[0]) == [1, 3, "2*h", "2*w"]


CROPPED = """g (float[batch,s,4] x) => (float[batch,t,4] y) {
  shape = Shape (x)
  one = Constant <value_ints = [1]> ()
  s = Gather (shape, one)
  from = Constant <value_ints = [BEGIN]> ()
  end = Sub (s, off)
  y = Slice (x, from, end, one)
}"""


@pytest.mark.parametrize("off", [0, 1, 3])
@pytest.mark.parametrize("begin", [0, 2])
def test_a_slice_gives_the_same_at_sizes_that_are_small(off: int, begin: int) -> None:
    model = parse(CROPPED.replace("BEGIN", str(begin)))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([off]), "off"))
    kept(model, *[(1, size, 4) for size in range(6)], batch=1)


GRID = """g (float[batch,3,h,w] x) => (float[batch,2,h3,w3] y) {
  f = Conv <pads = [1,1,1,1], strides = [2,2]> (x, k)
  shape = Shape (x)
  two = Constant <value = int64 {2}> ()  three = Constant <value = int64 {3}> ()
  one = Constant <value = int64 {1}> ()  zero = Constant <value = int64 {0}> ()
  front = Constant <value_ints = [0]> ()  behind = Constant <value_ints = [1]> ()
  h = Gather (shape, two)  w = Gather (shape, three)
  hm = Sub (h, one)  wm = Sub (w, one)
  hh = Div (hm, two)  wh = Div (wm, two)
  fh = Add (hh, one)  fw = Add (wh, one)
  rows = Range (zero, fh, one)  columns = Range (zero, fw, one)
  r1 = Unsqueeze (rows, behind)  c1 = Unsqueeze (columns, front)
  r2 = Cast <to = 1> (r1)  c2 = Cast <to = 1> (c1)
  grid = Add (r2, c2)
  y = Add (f, grid)
}"""


def test_sizes_are_read_where_they_are() -> None:
    model = parse(GRID)
    model.graph.initializer.append(onnx.numpy_helper.from_array(normal(2, 3, 3, 3), "k"))
    found = kept(model, (1, 3, 8, 9), (1, 3, 1, 1), (1, 3, 7, 2), batch=1)
    counts = operators(found)
    assert counts["Div"] == counts["Sub"] == 0
    assert counts["Shape"] + counts["Gather"] <= 4


SPLIT = """g (float[n,c] x) => (float[m,k] y) {
  shape = Shape (x)
  front = Constant <value_ints = [0]> ()  two = Constant <value_ints = [2]> ()
  behind = Constant <value_ints = [1]> ()
  n = Gather (shape, front)  c = Gather (shape, behind)
  n2 = Mul (n, two)  half = Div (c, two)
  to = Concat <axis = 0> (n2, half)
  y = Reshape (x, to)
}"""


def test_a_size_that_may_be_zero_leaves_nothing_to_guess() -> None:
    model = parse(SPLIT)
    feeds = [{"x": normal(*shape)} for shape in [(3, 4), (0, 4), (3, 0)]]
    found = specialized(model, shapes={"x": [None, "c"]})
    assert_same(run(model, feeds), run(found, feeds))


def test_what_stays_dynamic_is_listed_once() -> None:
    result = pot.specialize(pot.from_proto(parse(HEADS)), dims={"batch": 1})
    text = str(result.report)
    assert len(re.findall("named size 's' is not bound", text)) <= 1


def test_a_baked_size_is_refused_with_its_node() -> None:
    model = parse("g (float[batch,c,4] x) => (float[batch,c,4] y) { y = Add (x, table) }")
    model.graph.initializer.append(onnx.numpy_helper.from_array(normal(1, 6, 4), "table"))
    model.graph.node[0].name = "add"
    kept(model, (2, 6, 4), c=6)
    with pytest.raises(pot.Refused, match=r"size 'c' \(x\[1\]\) is declared dynamic, but node "):
        pot.specialize(pot.from_proto(model), dims={"c": 7})
