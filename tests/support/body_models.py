"""Small models whose work is done inside bodies and functions, written as ONNX text."""

from __future__ import annotations

import numpy as np
import onnx

from support.faults.site import walk
from support.graph_builder import Case

LOOP = """g (float[3,4] x, float[3,4] c) => (float[3,4] y, float[N,3,4] s)
 <int64 trip = {10}, bool t = {1}> {
  d = Abs (c)
  h, s0 = Loop (trip, t, x) <body = b (int64 i, bool going, float[3,4] h_in)
    => (bool go, float[3,4] h_out, float[3,4] scanned) <float half = {0.5}, int64 three = {3}> {
      go = Identity (going)
      k = Mul (h_in, half)  l = Add (k, d)  m = Tanh (l)  n = Exp (m)
      late = Greater (i, three)  e = Where (late, n, m)
      h_out = Softmax <axis = 1> (e)  scanned = Sub (h_out, k) }>
  y = Relu (h)  s = Tanh (s0) }"""
"""Another value is taken from iteration 4 on."""

EARLY_EXIT = """g (float[3,4] x) => (float[3,4] y, float[N] o) <int64 trip = {30}, bool t = {1}> {
  y0, o0 = Loop (trip, t, x) <body = b (int64 i, bool going, float[3,4] h)
    => (bool go, float[3,4] h_out, float size) <float most = {40.0}, float grow = {1.5}> {
      a = Abs (h)  r = ReduceSum <keepdims = 0> (a)  go = Less (r, most)
      z = Mul (h, grow)  v = Sin (z)  h_out = Add (z, v)  size = Sqrt (r) }>
  y = LeakyRelu <alpha = 0.2> (y0)  o = Exp (o0) }"""

SCAN = """g (float[3,4] h0, float[3,6,4] xs, float[3,4] w) => (float[3,4] y, float[3,N,4] s) {
  a = Exp (w)
  y0, s = Scan (h0, xs) <num_scan_inputs = 1, scan_input_axes = [1],
    scan_input_directions = [1], scan_output_axes = [1],
    body = b (float[3,4] h, float[3,4] x) => (float[3,4] h_out, float[3,4] o) {
      u = Mul (x, a)  v = Sub (u, h)  h_out = Tanh (v)  o = Softmax <axis = 1> (h_out) }>
  y = LeakyRelu <alpha = 0.1> (y0) }"""

BRANCHES = """g (float[3,4] x, float[3,4] z) => (float[3,4] y) <float zero = {0.0}> {
  m = ReduceSum <keepdims = 0> (x)  c = Greater (m, zero)  d = Abs (z)
  r = If (c) <
    then_branch = t () => (float[3,4] ty) { p = Exp (d)  q = Sub (p, x)  ty = Tanh (q) },
    else_branch = e () => (float[3,4] ey) { p2 = Neg (x)  q2 = Div (p2, d)  ey = Sin (q2) }>
  y = LeakyRelu <alpha = 0.3> (r) }"""

NESTED = """g (float[3,4] x, bool flag) => (float[3,4] y, float[N] o)
 <int64 two = {2}, int64 trip = {4}, bool t = {1}> {
  d = Abs (x)
  y0, o = If (flag) <then_branch = tb () => (float[3,4] ty, float[N] to) {
      ty, to = Loop (trip, t, x) <body = b (int64 i, bool going, float[3,4] h)
        => (bool go, float[3,4] h_out, float z) <int64 one = {1}> {
          md = Mod (i, two)  odd = Equal (md, one)
          w = If (odd) <
            then_branch = ib () => (float[3,4] iw) { u = Exp (d)  iw = Div (u, h) },
            else_branch = jb () => (float[3,4] jw) { v = Sub (h, d)  jw = Tanh (v) }>
          h_out = Sub (w, d)  z = ReduceSum <keepdims = 0> (h_out)
          go = Identity (going) }> },
    else_branch = eb () => (float[3,4] ey, float[N] eo) {
      ey = Neg (x)  eo = Constant <value = float[1] {0.}> () }>
  y = LeakyRelu <alpha = 0.2> (y0) }"""
"""A Loop in an If, and in the Loop an If that reads a value of the main graph and loop state."""

SEQUENCES = """g (float[3,4] x) => (float[N,4] y) <int64 trip = {5}, bool t = {1}> {
  s0 = SequenceConstruct (x)
  s = Loop (trip, t, s0) <body = b (int64 i, bool going, seq(float[3,4]) s_in)
    => (bool go, seq(float[3,4]) s_out) <int64 last = {-1}> {
      go = Identity (going)  p = SequenceAt (s_in, last)  q = Tanh (p)  r = Sub (q, x)
      s_out = SequenceInsert (s_in, r) }>
  j = ConcatFromSequence <axis = 0> (s)  y = LeakyRelu <alpha = 0.3> (j) }"""

FUNCTIONS = """g (float[3,4] x) => (float[3,4] y) <float w = {2.0}> {
  a = local.Outer <alpha = 0.5> (x, w)  y = local.Outer (a, w) }
<opset_import: ["" : 18, "local" : 1], domain: "local">
Outer <alpha: float = 0.25> (p, q) => (r) {
  t = Mul (p, q)  u = local.Inner <beta: float = @alpha> (t)  r = Sub (u, p) }
<opset_import: ["" : 18], domain: "local">
Inner <beta: float = 0.1> (s) => (v) {
  k = LeakyRelu <alpha: float = @beta> (s)  one = Constant <value = float {1.0}> ()
  b = ReduceMax <keepdims = 0> (k)  c = Greater (b, one)
  v = If (c) <then_branch = tb () => (tv) { z = Exp (k)  tv = Tanh (z) },
              else_branch = eb () => (ev) { ev = Sin (k) }> }"""
"""A function that calls a function, whose If reads a value of it; attributes are handed down."""

TEXTS = {
    "loop": LOOP,
    "early exit": EARLY_EXIT,
    "scan": SCAN,
    "branches": BRANCHES,
    "nested": NESTED,
    "sequences": SEQUENCES,
    "functions": FUNCTIONS,
}


def body_model(text: str) -> onnx.ModelProto:
    """The model of a text. Each node is called `n_` and its first output."""
    head = '<ir_version: 10, opset_import: ["" : 18, "local" : 1]>\n'
    model = onnx.parser.parse_model(head + text)
    for _, node, _ in walk(model.graph):
        node.name = f"n_{node.output[0]}"
    for function in model.functions:
        for _, node, _ in walk(function):
            node.name = f"n_{node.output[0]}"
    return model


def body_case(name: str) -> Case:
    """A model of TEXTS with three samples."""
    model = body_model(TEXTS[name])
    rng = np.random.default_rng(0)
    feeds = []
    for _ in range(3):
        feed = {}
        for value in model.graph.input:
            shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
            flag = value.type.tensor_type.elem_type == onnx.TensorProto.BOOL
            drawn = rng.standard_normal(shape).astype(np.float32)
            feed[value.name] = np.array(True) if flag else drawn
        feeds.append(feed)
    return Case(name, model, tuple(feeds))
