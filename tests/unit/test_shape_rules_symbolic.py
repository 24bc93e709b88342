"""Shape arithmetic with sizes that have names only: what it says holds at every size."""

from __future__ import annotations

from itertools import product

import pytest

from support.evaluated import elements_of, inferred, parsed, sizes_of, wrong_at

HALVES = """g (float[batch, 3, h, w] x) => (y) <int64 two = {2}, int64[1] rest = {-1}> {
  s = Shape(x)  n = Size(x)
  height = Gather(s, two)
  half = Div(height, two)
  odd = Mod(height, two)
  one = Unsqueeze <axes = [0]> (half)
  target = Concat <axis = 0> (rest, one)
  flat = Flatten <axis = 2> (x)
  y = Identity(x)
}"""
IN_FLOATS = """g (float[b, 3, h, w] x) => (y) <float[2] by = {2.0, 1.5},
    float[2] third = {3.0, 3.0}, float[2] tenths = {0.7, 1.1}> {
  s = Shape <start = 2> (x)
  f = Cast <to = 1> (s)
  larger = Mul(f, by)       whole = Floor(larger)      sizes = Cast <to = 7> (larger)
  part = Div(f, third)      down = Floor(part)         up = Ceil(part)
  cut = Cast <to = 7> (part)
  back = Mul(part, third)   rough = Mul(f, tenths)     floored = Floor(rough)
  by_rough = Div(f, tenths) up_rough = Ceil(by_rough)  less = Less(part, third)
  y = Identity(x)
}"""
HEADS = """g (float[b, s, 768] x) => (y)
    <int64[4] apart = {0, 0, 12, 64}, int64[3] together = {0, 0, -1}> {
  heads = Reshape(x, apart)
  turned = Transpose <perm = [0, 2, 1, 3]> (heads)
  keys = Transpose <perm = [0, 2, 3, 1]> (heads)
  scores = MatMul(turned, keys)
  mixed = MatMul(scores, turned)
  back = Transpose <perm = [0, 2, 1, 3]> (mixed)
  y = Reshape(back, together)
}"""
SLICES = """g (float[b, s] x) => (y) <int64[1] ax = {1}, int64[1] first = {0}, int64[1] two = {2},
    int64[1] last = {-1}, int64[1] third = {-3}, int64[1] end = {9223372036854775807},
    int64[1] begin = {-9223372036854775807}> {
  all = Slice(x, first, end, ax)          tail = Slice(x, last, end, ax)
  most = Slice(x, first, last, ax)        few = Slice(x, first, two, ax)
  behind = Slice(x, two, end, ax)         three = Slice(x, third, end, ax)
  middle = Slice(x, two, third, ax)       every = Slice(x, first, end, ax, two)
  reverse = Slice(x, last, begin, ax, last)
  back = Slice(x, end, two, ax, last)     hop = Slice(x, third, begin, ax, third)
  n = Shape(x)  one = Slice(n, ax, end)   less = Add(one, last)
  upto = Slice(x, first, less, ax)        y = Slice(x, first, one, ax)
}"""
PAST = """g (float[b, s] x, int64[b, p] past) => (y) <int64[1] minus = {-1}, int64 zero = {0},
    int64 one = {1}, int64[1] at0 = {0}> {
  now = Shape <start = 1> (x)    before = Shape <start = 1> (past)
  all = Add(now, before)         total = Squeeze(all)   done = Squeeze(before)
  keys = Range(zero, total, one) places = Range(done, total, one)
  row = Unsqueeze(keys, at0)     batch = Shape <end = 1> (x)
  target = Concat <axis = 0> (batch, all)
  wide = Expand(row, target)     mask = ConstantOfShape(target)
  as_rank = ConstantOfShape <value = int64[1] {1}> (at0)
  negated = Mul(target, minus)   none = Equal(target, negated)
  joined = Concat <axis = 1> (past, wide)
  y = Identity(joined)
}"""
PARTS = """g (float[b, 6, h, w] x) => (y) <int64[2] pads = {1, 2}, int64[2] on = {2, 3},
    int64[4] reps = {1, 2, 3, 1}> {
  a, c = Split <axis = 2, num_outputs = 2> (x)
  d, e, f = Split <axis = 1, num_outputs = 3> (x)
  four = Concat <axis = 0> (pads, on)
  padded = Pad(x, four, , on)
  tiled = Tile(x, reps)
  twice = Concat <axis = 3> (x, x)
  best = ArgMax <axis = 1, keepdims = 0> (x)
  mean = ReduceMean <keepdims = 1> (x, on)
  total = ReduceSum <keepdims = 0> (x, on)
  y = Identity(x)
}"""
COUNTED = """g (float[b, 3, h, w] x) => (y) <int64[1] zero = {0}> {
  s = Shape(x)
  count = ReduceProd <keepdims = 1> (s)
  sum = ReduceSum <keepdims = 0> (s)
  large = ReduceMax <keepdims = 0> (s)
  small = ReduceMin <keepdims = 1> (s)
  flat = Reshape(x, count)
  running = CumSum(s, zero)
  reversed = CumSum <reverse = 1, exclusive = 1> (s, zero)
  top = ArgMin <keepdims = 0> (zero)
  y = Identity(x)
}"""
SHUFFLED = """g (float[b, 12, h, w] x) => (y) {
  s = Shape(x)
  n, c, h, w = Split <axis = 0, num_outputs = 4> (s)
  two = Constant <value_ints = [2]> ()
  groups = Div(c, two)
  apart = Concat <axis = 0> (n, two, groups, h, w)
  grouped = Reshape(x, apart)
  turned = Transpose <perm = [0, 2, 1, 3, 4]> (grouped)
  rest = Constant <value_ints = [-1]> ()
  shape = Concat <axis = 0> (n, rest, h, w)
  y = Reshape(turned, shape)
}"""
CASES = {
    "halves": HALVES,
    "in floats": IN_FLOATS,
    "heads": HEADS,
    "slices": SLICES,
    "past": PAST,
    "parts": PARTS,
    "counted": COUNTED,
    "shuffled": SHUFFLED,
}
SIZES = [0, 1, 2, 3, 7, 10]


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_of_named_sizes_holds_at_each(name: str) -> None:
    model = parsed(CASES[name], 11 if name == "halves" else 18)
    names = sorted({d.dim_param for i in model.graph.input for d in i.type.tensor_type.shape.dim})
    names = [n for n in names if n]
    for sizes in product(SIZES, repeat=len(names)):
        at = dict(zip(names, sizes, strict=True))
        if at.get("b", at.get("batch")) in (0, 3, 7, 10) or at.get("p") == 10:
            continue  # a batch behaves like any other size; each more one makes 36 runs
        assert not wrong_at(model, at)


def test_every_size_of_shape_arithmetic_is_an_expression() -> None:
    halves = elements_of(parsed(HALVES, 11))
    assert halves["s"] == ["batch", 3, "h", "w"]
    assert halves["n"] == ["3*batch*h*w"]
    assert halves["half"] == ["h//2"]
    assert halves["target"] == [-1, "h//2"]
    assert sizes_of(parsed(HALVES, 11))["flat"] == ["3*batch", "h*w"]


def test_attention_keeps_its_sizes_through_heads_and_back() -> None:
    sizes = sizes_of(parsed(HEADS))
    assert sizes["scores"] == ["b", 12, "s", "s"]
    assert sizes["y"] == ["b", "s", 768]


def test_a_cache_grows_by_what_is_new() -> None:
    sizes = sizes_of(parsed(PAST))
    assert sizes["keys"] == ["p + s"]
    assert sizes["places"] == ["s"]
    assert sizes["y"] == ["b", "2*p + s"]


def test_floats_are_known_only_where_none_is_rounded() -> None:
    elements = elements_of(parsed(IN_FLOATS))
    assert elements["larger"] == ["2*h", "3*w/2"]
    assert elements["sizes"] == ["2*h", "w + w//2"]
    assert elements["down"] == ["h//3", "w//3"]
    assert elements["cut"] == ["h//3", "w//3"]
    # A third of a size is rounded: what it times three gives, or is compared to, nobody knows.
    assert elements["back"] is None
    assert elements["less"] is None
    # float32 has no 0.7: 10 times that is 7 after rounding, a little less before.
    assert elements["rough"] is None
    assert elements["up_rough"] is None


def test_groups_of_channels_come_back_together() -> None:
    assert sizes_of(parsed(SHUFFLED))["y"] == ["b", 12, "h", "w"]


def test_slices_clamp() -> None:
    sizes = {name: dims[1] for name, dims in sizes_of(parsed(SLICES)).items() if dims and dims[1:]}
    assert sizes["all"] == sizes["reverse"] == sizes["y"] == "s"
    assert sizes["tail"] == "min(1, s)"
    assert sizes["few"] == "min(2, s)"
    assert sizes["every"] == "(s + 1)//2"
    assert sizes["most"] == sizes["upto"]


WINDOWS = """g (float[b, h, w, c] x) => (y)
    <int64[1] m = {-1}, int64[1] seven = {7}, int64[1] o = {0}> {
  s = Shape(x)
  n, h, w, c = Split <axis = 0, num_outputs = 4> (s)
  rest = Mod(h, seven)  less = Sub(seven, rest)  pad = Mod(less, seven)
  pads = Concat <axis = 0> (o, o, o, o, o, pad, o, o)
  padded = Pad(x, pads)
  rows = Div(h, seven)  columns = Div(w, seven)
  apart = Concat <axis = 0> (n, rows, seven, columns, seven, c)
  cut = Reshape(x, apart)
  turned = Transpose <perm = [0, 1, 3, 2, 4, 5]> (cut)
  each = Concat <axis = 0> (m, seven, seven, c)
  windows = Reshape(turned, each)
  again = Concat <axis = 0> (n, rows, columns, seven, seven, m)
  back = Reshape(windows, again)
  line = Concat <axis = 0> (o, m, c)
  y = Reshape(x, line)
}"""


def test_windows_and_back() -> None:
    model = parsed(WINDOWS)
    sizes = sizes_of(model)
    assert sizes["padded"] == ["b", "7*((h + 6)//7)", "w", "c"]
    assert sizes["windows"] == ["b*(h//7)*(w//7)", 7, 7, "c"]
    assert sizes["back"] == ["b", "h//7", "w//7", 7, 7, "c"]
    assert sizes["y"] == ["b", "h*w", "c"]
    for height, width in product([7, 14, 28], repeat=2):
        assert not wrong_at(model, {"b": 2, "h": height, "w": width, "c": 3})


def test_the_rest_of_a_product_divides_exactly() -> None:
    text = """g (float[h, w, 3] x) => (y) <int64[1] m = {-1}, int64[1] at = {1}> {
      flat = Reshape(x, m)
      s = Shape(x)
      w = Gather(s, at)
      target = Concat <axis = 0> (m, w)
      y = Reshape(flat, target)
    }"""
    assert sizes_of(parsed(text)) | {"s": [3]} == {
        "flat": ["3*h*w"],
        "s": [3],
        "w": [1],
        "target": [2],
        "y": ["3*h", "w"],
    }


def test_what_the_data_decides_stays_one_size() -> None:
    text = """g (float[n] x) => (y) <int64[1] at = {0}> {
      places = NonZero(x)
      picked = Squeeze(places, at)
      kept = Gather(x, picked)
      twice = Concat <axis = 0> (kept, kept)
      s = Shape(kept)
      y = Reshape(twice, halves)
      two = Constant <value_ints = [2]> ()
      halves = Concat <axis = 0> (two, s)
    }"""
    facts = inferred(parsed(text))
    assert facts.value("kept").dims == [None]
    assert facts.value("y").dims == [2, None]
    assert all("not zero" in reason for reason in facts.value("y").reasons)


def test_ones_are_counted() -> None:
    text = """g (float[h, w] x) => (y) <int64 one = {1}> {
      s = Shape(x)
      ones = ConstantOfShape <value = int64[1] {1}> (s)
      zeros = ConstantOfShape(s)
      spread = Expand(one, s)
      all = NonZero(ones)
      none = NonZero(zeros)
      each = NonZero(spread)
      y = NonZero(x)
    }"""
    sizes = sizes_of(parsed(text))
    assert sizes["all"] == sizes["each"] == [2, "h*w"]
    assert sizes["none"] == [2, 0]
    assert sizes["y"] == [2, None]
    assert not wrong_at(parsed(text), {"h": 3, "w": 0})
    assert not wrong_at(parsed(text), {"h": 3, "w": 5})


def test_as_many_from_the_end_as_there_are_is_all() -> None:
    text = """g (float[b, s] x) => (y) <int64[1] ax = {1}, int64[1] end = {9223372036854775807}> {
      n = Shape <start = 1> (x)
      start = Neg(n)
      y = Slice(x, start, end, ax)
    }"""
    assert sizes_of(parsed(text))["y"] == ["b", "s"]
    assert not wrong_at(parsed(text), {"b": 2, "s": 0})
    assert not wrong_at(parsed(text), {"b": 2, "s": 3})
