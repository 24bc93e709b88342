"""A Loop whose turns are known is unrolled, whatever its body hands from turn to turn."""

from __future__ import annotations

import time

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from support.body_models import body_case
from support.ort_runs import run
from support.specialized import parse
from support.taken_apart import compared, same, taken_apart

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 4)).astype(np.float32)
Z = RNG.standard_normal((3, 4)).astype(np.float32)

UNROLLED = {
    "a carried value and two scan outputs": """g (float[3,4] x) => (float[3,4] y, float[n,3,4] s,
     int64[n] t) <int64 trip = {5}, bool go = {1}> {
      y, s, t = Loop (trip, go, x) <body = b (int64 i, bool g, float[3,4] h)
        => (bool o, float[3,4] p, float[3,4] q, int64 j) <float half = {0.5}> {
          o = Identity (g)  u = Mul (h, half)  p = Tanh (u)  q = Exp (p)  j = Identity (i) }> }""",
    "no trip count: the condition ends it": """g (float[3,4] x) => (float[3,4] y, float[n,3,4] s)
     <bool go = {1}> {
      y, s = Loop ("", go, x) <body = b (int64 i, bool g, float[3,4] h)
        => (bool o, float[3,4] p, float[3,4] p2) <int64 three = {3}> {
          o = Less (i, three)  p = Sin (h)  p2 = Neg (h) }> }""",
    "an early exit that a carried counter decides": """g (float[3,4] x) => (float[3,4] y, int64 c)
     <int64 trip = {40}, int64 zero = {0}> {
      y, c = Loop (trip, "", x, zero) <body = b (int64 i, bool g, float[3,4] h, int64 k)
        => (bool o, float[3,4] p, int64 l) <int64 two = {2}, int64 nine = {9}> {
          l = Add (k, two)  o = Less (l, nine)  p = Sin (h) }> }""",
    "a while loop of TensorFlow's converter": """g (float[3,4] x) => (float[3,4] y, int32 c)
     <int64 trip = {9223372036854775807}, int32 zero = {0}, int32 five = {5}, int32 seven = {7}> {
      a = Less (zero, five)  b0 = Less (zero, seven)  go = And (a, b0)
      c, n, y = Loop (trip, go, zero, zero, x) <body = b (int64 i, bool g, int32 j, int32 k,
        float[3,4] h) => (bool o, int32 j2, int32 k2, float[3,4] p) <int32 one = {1}> {
          j2 = Add (j, one)  k2 = Add (k, one)  l = Less (j2, five)  m = Less (k2, seven)
          o = And (l, m)  p = Sin (h) }> }""",
    "values that change places": """g (float[3,4] x, float[3,4] z) => (float[3,4] y, float[3,4] w)
     <int64 trip = {3}> {
      y, w = Loop (trip, "", x, z) <body = b (int64 i, bool g, float[3,4] a, float[3,4] b0)
        => (bool o, float[3,4] c, float[3,4] d) {
          o = Identity (g)  c = Sin (b0)  d = Neg (a) }> }""",
    "a carried value grows": """g (float[3,4] x) => (float[m,4] y) <int64 trip = {4}> {
      y = Loop (trip, "", x) <body = b (int64 i, bool g, float[k,4] h) => (bool o, float[l,4] p) {
          o = Identity (g)  p = Concat <axis = 0> (h, x) }> }""",
    "one turn": """g (float[3,4] x) => (float[3,4] y, float[n,3,4] s) <int64 trip = {1}> {
      y, s = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h)
        => (bool o, float[3,4] p, float[3,4] q) {
          o = Identity (g)  p = Sin (h)  q = Neg (h) }> }""",
    "a captured value in a body in the body": """g (float[3,4] x, bool flag) => (float[3,4] y)
     <int64 trip = {3}> {
      d = Abs (x)
      y = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h) => (bool o, float[3,4] p) {
          o = Identity (g)  e = Mul (h, d)
          p = If (flag) <then_branch = t () => (float[3,4] r) { u = Sub (e, d)  r = Sin (u) },
                         else_branch = f () => (float[3,4] v) { u = Add (e, h)  v = Neg (u) }> }>
      }""",
    "a loop in a loop": """g (float[3,4] x) => (float[3,4] y, float[n,m,3,4] s)
     <int64 trip = {3}> {
      y, s = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h)
        => (bool o, float[3,4] p, float[m,3,4] q) <int64 two = {2}> {
          o = Identity (g)
          p, q = Loop (two, "", h) <body = c (int64 i2, bool g2, float[3,4] h2)
            => (bool o2, float[3,4] p2, float[3,4] q2) {
              o2 = Identity (g2)  r = Add (h2, h)  p2 = Sin (r)  q2 = Cos (r) }> }> }""",
    "a loop in a loop runs as often as the outer turn says": """g (float[3,4] x) => (float[3,4] y)
     <int64 trip = {4}> {
      y = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h) => (bool o, float[3,4] p) {
          o = Identity (g)
          p = Loop (i, "", h) <body = c (int64 i2, bool g2, float[3,4] h2)
            => (bool o2, float[3,4] p2) { o2 = Identity (g2)  p2 = Sin (h2) }> }> }""",
    "an If that the number of the turn decides": """g (float[3,4] x) => (float[3,4] y)
     <int64 trip = {4}> {
      y = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h) => (bool o, float[3,4] p)
       <int64 two = {2}> {
          o = Identity (g)  k = Less (i, two)
          p = If (k) <then_branch = t () => (float[3,4] r) { r = Sin (h) },
                      else_branch = f () => (float[3,4] v) { v = Cos (h) }> }> }""",
    "names that are taken around it": """g (float[3,4] x) => (float[3,4] y, float[3,4] y2)
     <int64 trip = {2}> {
      a = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h) => (bool o, float[3,4] p)
        <float w = {2.0}> { o = Identity (g)  p = Mul (h, w) }>
      b = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h) => (bool o, float[3,4] p)
        <float w = {3.0}> { o = Identity (g)  p = Mul (h, w) }>
      p_1 = Add (a, b)  y = Sin (p_1)  y2 = Sub (a, b) }""",
    "what is the same in every turn": """g (float[3,4] x) => (float[3,4] y) <int64 trip = {6}> {
      y = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h) => (bool o, float[3,4] p)
        <float w = {2.0}> { o = Identity (g)  u = Mul (x, w)  v = Exp (u)  p = Sub (v, h) }> }""",
    "a carried sequence": """g (float[3,4] x) => (float[n,4] y) <int64 trip = {3}> {
      e = SequenceEmpty ()
      s = Loop (trip, "", e) <body = b (int64 i, bool g, seq(float[3,4]) a)
        => (bool o, seq(float[3,4]) c) {
          o = Identity (g)  f = Cast <to = 1> (i)  k = Add (x, f)  c = SequenceInsert (a, k) }>
      y = ConcatFromSequence <axis = 0> (s) }""",
}


def feeds_for(model: onnx.ModelProto) -> list[dict[str, np.ndarray]]:
    names = [value.name for value in model.graph.input]
    given = {"x": X, "z": Z, "flag": np.array(True)}
    feeds = [{name: given[name] for name in names}]
    if "flag" in names:
        feeds.append({**feeds[0], "flag": np.array(False)})
    return feeds


SINCE_13 = frozenset({"a carried sequence"})
"""Only tensors were carried before opset 13."""


@pytest.mark.parametrize("opset", [9, 11, 18, 21, 24])
@pytest.mark.parametrize("name", UNROLLED)
def test_its_turns_take_its_place(name: str, opset: int) -> None:
    model = parse(UNROLLED[name], opset=max(opset, 13) if name in SINCE_13 else opset)
    found = compared(model, feeds_for(model))
    assert found.operators["Loop"] == 0
    assert not found.left or set(found.left.values()) == {"its condition is known only at run time"}
    assert all(isinstance(size, int) for sizes in found.outputs.values() for size in sizes)


def test_what_is_the_same_in_every_turn_is_computed_once() -> None:
    found = compared(parse(UNROLLED["what is the same in every turn"]), [{"x": X}])
    assert found.operators == {"Mul": 1, "Exp": 1, "Sub": 6}


def test_names_of_the_first_turn_stay_and_those_of_others_have_its_number() -> None:
    found = compared(parse(UNROLLED["a carried value grows"]), [{"x": X}])
    assert found.outputs == {"y": [15, 4]}
    model = parse(UNROLLED["a carried value and two scan outputs"])
    made = [name for node in taken_apart(model).model.graph.node for name in node.output]
    assert made[:6] == ["u", "p", "q", "u_1", "p_1", "q_1"]


ENDS = {
    "no trip": ("<int64 trip = {0}, bool go = {1}>", 0),
    "a negative trip count": ("<int64 trip = {-3}, bool go = {1}>", 0),
    "not allowed to start": ("<int64 trip = {5}, bool go = {0}>", 0),
}


@pytest.mark.parametrize("name", ENDS)
def test_without_a_turn_the_initial_values_are_handed_through(name: str) -> None:
    values, _ = ENDS[name]
    model = parse(f"""g (float[3,4] x) => (float[3,4] y, float[3,4] w, float[n,3,4] s) {values} {{
      h = Neg (x)
      y, w0, s = Loop (trip, go, x, h) <body = b (int64 i, bool g, float[3,4] h0, float[3,4] k)
        => (bool o, float[3,4] p, float[3,4] k2, float[3,4] q) {{
          o = Identity (g)  p = Sin (h0)  k2 = Cos (k)  q = Exp (k) }}>
      w = Sin (w0) }}""")
    found = compared(model, [{"x": X}])
    assert found.operators == {"Neg": 1, "Sin": 1, "Identity": 2}
    assert found.outputs == {"y": [3, 4], "w": [3, 4], "s": [0, 3, 4]}


def test_without_a_turn_a_shape_that_is_not_known_stays() -> None:
    model = parse(
        "g (float[3,4] x, int64[2] size) => (float[3,4] y, float[n,a,b] s) <int64 trip = {0}> {"
        ' y, s = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h)'
        "   => (bool o, float[3,4] p, float[a,b] q) {"
        "     o = Identity (g)  p = Sin (h)  q = ConstantOfShape (size) }> }"
    )
    found = taken_apart(model)
    assert found.operators["Loop"] == 1
    (why,) = found.left.values()
    assert why == "it makes no turn, and the shape of output 's' is not known"


TABLE = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize(
    ("name", "value"), [("d", np.abs(X)), ("h", X), ("w", TABLE)], ids=["outer", "input", "weight"]
)
def test_a_turn_may_hand_on_what_no_node_of_it_makes(name: str, value: np.ndarray) -> None:
    # onnxruntime refuses some of these bodies, and the reference evaluator does not stack.
    model = parse(
        "g (float[3,4] x) => (float[3,4] y, float[n,3,4] s) <int64 trip = {3}> { d = Abs (x)"
        ' y, s = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h)'
        "   => (bool o, float[3,4] p, float[3,4] q) {"
        "     o = Identity (g)  p = Sin (h)  q = Cos (h) }> }"
    )
    body = model.graph.node[1].attribute[0].g
    del body.node[1:]
    body.initializer.append(numpy_helper.from_array(TABLE, "w"))
    body.output[0].name = "g"  # the condition is handed on too
    for output in body.output[1:]:
        output.name = name
    found = taken_apart(model)
    assert found.operators["Loop"] == 0
    last, stacked = ReferenceEvaluator(found.model).run(None, {"x": X})
    np.testing.assert_array_equal(last, value)
    np.testing.assert_array_equal(stacked, np.stack([value] * 3))


def test_an_output_that_nobody_names_is_not_collected() -> None:
    text = UNROLLED["a carried value and two scan outputs"]
    expected = run(parse(text), [{"x": X}])[0]
    model = parse(text)
    model.graph.node[0].output[1] = ""  # onnxruntime takes no omitted output of a Loop
    del model.graph.output[1]
    found = taken_apart(model)
    assert found.operators == {"Mul": 5, "Tanh": 5, "Identity": 1}
    same(run(found.model, [{"x": X}])[0], [expected[0], expected[2]])


def test_a_body_may_hide_a_name_that_is_used_around_it() -> None:
    model = parse(
        "g (float[3,4] x) => (float[3,4] y) <int64 trip = {3}> { p = Abs (x)"
        ' a = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h)'
        "   => (bool o, float[3,4] r) { o = Identity (g)  p = Sin (h)  r = Neg (p) }>"
        " y = Add (a, p) }"
    )
    found = taken_apart(model)
    made = [name for node in found.model.graph.node for name in node.output]
    assert len(made) == len(set(made))
    expected = X
    for _ in range(3):
        expected = -np.sin(expected)
    got = ReferenceEvaluator(found.model).run(None, {"x": X})[0]
    np.testing.assert_allclose(got, expected + np.abs(X), rtol=1e-6)


REASONS = {
    "its trip count is an input": (
        "g (float[3,4] x, int64 trip) => (float[3,4] y) {"
        ' y = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h)'
        "   => (bool o, float[3,4] p) { o = Identity (g)  p = Sin (h) }> }",
        {"x": X, "trip": np.array(3)},
        "its trip count is known only at run time",
    ),
    "its trip count is a size that is not bound": (
        "g (float[t,4] x, float[3,4] z) => (float[3,4] y) <int64 zero = {0}> {"
        " n = Shape (x)  trip = Gather (n, zero)"
        ' y = Loop (trip, "", z) <body = b (int64 i, bool g, float[3,4] h)'
        "   => (bool o, float[3,4] p) { o = Identity (g)  p = Sin (h) }> }",
        {"x": X, "z": Z},
        "its trip count is t, which is not bound",
    ),
    "its start is an input": (
        "g (float[3,4] x, bool go) => (float[3,4] y) <int64 trip = {3}> {"
        " y = Loop (trip, go, x) <body = b (int64 i, bool g, float[3,4] h)"
        "   => (bool o, float[3,4] p) { o = Identity (g)  p = Sin (h) }> }",
        {"x": X, "go": np.array(True)},
        "whether it starts is known only at run time",
    ),
    "data ends it": (
        "g (float[3,4] x) => (float[3,4] y) <int64 trip = {9}, float most = {1.0}> {"
        ' y = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h)'
        "   => (bool o, float[3,4] p) {"
        "     p = Sin (h)  m = ReduceMax <keepdims = 0> (p)  o = Less (m, most) }> }",
        {"x": X},
        "whether it goes on after turn 1 is known only at run time",
    ),
    "too many turns": (
        "g (float[3,4] x) => (float[3,4] y) <int64 trip = {65}> {"
        ' y = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h)'
        "   => (bool o, float[3,4] p) { o = Identity (g)  p = Sin (h) }> }",
        {"x": X},
        "it makes 65 turns, more than the 64 that --max-unroll allows",
    ),
    "the condition ends it too late": (
        "g (float[3,4] x) => (float[3,4] y) {"
        ' y = Loop ("", "", x) <body = b (int64 i, bool g, float[3,4] h)'
        "   => (bool o, float[3,4] p) <int64 last = {99}> { o = Less (i, last)  p = Sin (h) }> }",
        {"x": X},
        "it makes more than the 64 turns that --max-unroll allows",
    ),
}


@pytest.mark.parametrize("name", REASONS)
def test_a_loop_that_stays_says_why(name: str) -> None:
    text, feed, reason = REASONS[name]
    found = compared(parse(text), [feed])
    assert found.operators["Loop"] == 1
    assert list(found.left.values()) == [reason]
    assert found.outputs == {"y": [3, 4]}


def test_more_turns_are_unrolled_on_request() -> None:
    found = compared(parse(REASONS["too many turns"][0]), [{"x": X}], max_unroll=65)
    assert found.operators == {"Sin": 65}


def test_each_turn_draws_its_own_numbers_from_a_seed() -> None:
    model = parse(
        "g (float[3,4] x) => (float[3,4] y) <int64 trip = {3}> {"
        ' y = Loop (trip, "", x) <body = b (int64 i, bool g, float[3,4] h)'
        "   => (bool o, float[3,4] p) { o = Identity (g)"
        "     n = RandomNormalLike <seed = 3.0> (h)  p = Add (h, n) }> }"
    )
    found = compared(model, [{"x": X}])
    assert list(found.left.values()) == [
        "its body draws random numbers from a seed, others in each turn"
    ]


def loops_in_loops(depth: int, trip: int, grows: bool = False) -> onnx.ModelProto:
    """A Loop of `trip` turns in a Loop in a Loop. `grows`: what it carries gets longer."""
    value = helper.make_tensor_value_info
    number, truth, kind = onnx.TensorProto.INT64, onnx.TensorProto.BOOL, onnx.TensorProto.FLOAT
    size = "n" if grows else 3
    inner = helper.make_node("Sin", ["h0"], ["p0"])
    if grows:
        inner = helper.make_node("Concat", ["h0", "h0"], ["p0"], axis=0)
    for level in range(depth):
        body = helper.make_graph(
            [inner, helper.make_node("Identity", [f"g{level}"], [f"o{level}"])],
            f"b{level}",
            [
                value(f"i{level}", number, []),
                value(f"g{level}", truth, []),
                value(f"h{level}", kind, [size, 4]),
            ],
            [value(f"o{level}", truth, []), value(f"p{level}", kind, [size, 4])],
        )
        source = "x" if level + 1 == depth else f"h{level + 1}"
        inner = helper.make_node("Loop", ["trip", "", source], [f"p{level + 1}"], body=body)
    graph = helper.make_graph(
        [inner],
        "g",
        [value("x", kind, [3, 4])],
        [value(f"p{depth}", kind, [size, 4])],
        [numpy_helper.from_array(np.array(trip, np.int64), "trip")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.mark.parametrize(
    ("depth", "trip"), [(1, 10**12), (3, 10**12), (6, 60), (12, 64), (1, 2**63 - 1)]
)
def test_what_would_not_fit_is_refused_at_once(depth: int, trip: int) -> None:
    model = loops_in_loops(depth, trip)
    started = time.perf_counter()
    found = taken_apart(model)
    assert time.perf_counter() - started < 10
    assert found.operators["Loop"] >= 1
    assert sum(found.operators.values()) < 70_000
    assert all("--max-unroll" in reason for reason in found.left.values())


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 20])
def test_sizes_that_grow_in_loops_in_loops_come_to_an_end(depth: int) -> None:
    model = loops_in_loops(depth, 10**6, grows=True)
    started = time.perf_counter()
    found = taken_apart(model)
    assert time.perf_counter() - started < 10
    assert found.outputs[f"p{depth}"][1] == 4


@pytest.mark.parametrize("name", ["loop", "nested", "sequences"])
def test_bodies_of_every_kind(name: str) -> None:
    case = body_case(name)
    found = compared(case.model, case.feeds)
    assert found.operators["Loop"] == 0
