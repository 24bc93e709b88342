"""An If whose condition is known gives way to its branch, whatever the names in it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from support.body_models import body_case
from support.specialized import parse
from support.taken_apart import compared, compared_by_meaning, taken_apart

X = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)

KNOWN = {
    "a condition of sizes": """g (float[3,4] x) => (float[a,b] y) <int64 twelve = {12}> {
      n = Size (x)  c = Equal (n, twelve)
      y = If (c) <then_branch = t () => (float[3,4] ty) { ty = Exp (x) },
                  else_branch = e () => (float[3,4] ey) { ey = Neg (x) }> }""",
    "the other branch": """g (float[3,4] x) => (float[3,4] y) <bool c = {0}> {
      y = If (c) <then_branch = t () => (float[3,4] ty) { ty = Exp (x) },
                  else_branch = e () => (float[3,4] ey) { u = Neg (x)  ey = Sin (u) }> }""",
    "names of the branch are used beside it": """g (float[3,4] x) => (float[3,4] y, float[3,4] z)
     <bool c = {1}> {
      a = If (c) <then_branch = t () => (float[3,4] r) <float w = {2.0}> {
                    u = Mul (x, w)  r = Exp (u) },
                  else_branch = e () => (float[3,4] r) { r = Neg (x) }>
      b = If (c) <then_branch = t () => (float[3,4] r) <float w = {3.0}> {
                    u = Mul (x, w)  r = Tanh (u) },
                  else_branch = e () => (float[3,4] r) { r = Sin (x) }>
      y = Add (a, b)  z = Sub (a, b) }""",
    "nested": """g (float[3,4] x) => (float[3,4] y) <bool c = {1}, bool d = {0}> {
      m = Abs (x)
      y = If (c) <then_branch = t () => (float[3,4] ty) {
          v = Exp (m)
          ty = If (d) <then_branch = tt () => (float[3,4] a) { a = Add (v, m) },
                       else_branch = te () => (float[3,4] b) { b = Sub (v, m) }> },
        else_branch = e () => (float[3,4] ey) { ey = Neg (m) }> }""",
    "inside a branch that is not known": """g (float[3,4] x, bool flag) => (float[3,4] y)
     <bool c = {1}> {
      y = If (flag) <then_branch = t () => (float[3,4] ty) {
          v = Exp (x)
          ty = If (c) <then_branch = tt () => (float[3,4] a) { a = Add (v, x) },
                       else_branch = te () => (float[3,4] b) { b = Sub (v, x) }> },
        else_branch = e () => (float[3,4] ey) { ey = Neg (x) }> }""",
    "a Loop in the branch": """g (float[3,4] x) => (float[3,4] y)
     <bool c = {1}, int64 trip = {3}> {
      y = If (c) <then_branch = t () => (float[3,4] ty) {
          k = Exp (x)
          ty = Loop (trip, c, x) <body = b (int64 i, bool g, float[3,4] h)
            => (bool o, float[3,4] p) { o = Identity (g)  q = Mul (h, k)  p = Sin (q) }> },
        else_branch = e () => (float[3,4] ey) { ey = Neg (x) }> }""",
}


TWICE = """g (float[3,4] x) => (float[3,4] y, float[3,4] z) <bool c = {1}> {
  y, z = If (c) <then_branch = t () => (float[3,4] r, float[3,4] r) { r = Exp (x) },
                 else_branch = e () => (float[3,4] s, float[3,4] u) {
                   s = Neg (x)  u = Sin (x) }> }"""


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_branch_takes_the_place_of_its_if(name: str) -> None:
    model = parse(KNOWN[name])
    feed = {"x": X}
    feeds = [feed]
    if len(model.graph.input) == 2:
        feeds = [{**feed, "flag": np.array(flag)} for flag in (True, False)]
    found = compared(model, feeds)
    assert found.operators["If"] == len(feeds) - 1
    assert found.operators["Loop"] == 0
    assert found.rules["inlined If"] >= 1


def test_names_stay_where_nothing_else_has_them() -> None:
    model = parse(KNOWN["nested"])
    assert [node.output[0] for node in compared(model, [{"x": X}]).model.graph.node] == [
        "m",
        "v",
        "y",
    ]


@pytest.mark.parametrize("kind", ["outer", "initializer", "both"])
def test_a_branch_may_return_what_no_node_of_it_makes(kind: str) -> None:
    # onnxruntime refuses these bodies, so the reference evaluator says what they mean.
    model = parse(
        "g (float[3,4] x) => (float[3,4] y, float[3,4] z) <bool c = {1}> {"
        " r = Abs (x)  y, k = If (c) <"
        " then_branch = t () => (float[3,4] ty, float[3,4] k) { ty = Exp (x)  k = Neg (x) },"
        " else_branch = e () => (float[3,4] ey, float[3,4] ek) { ey = Neg (x)  ek = Exp (x) }>"
        " z = Tanh (k) }"
    )
    branch = model.graph.node[1].attribute[0].g
    del branch.node[:]
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    names = {"outer": ("r", "r"), "initializer": ("w", "w"), "both": ("w", "x")}[kind]
    branch.initializer.append(onnx.numpy_helper.from_array(table, "w"))
    for output, name in zip(branch.output, names, strict=True):
        output.name = name
    assert compared_by_meaning(model, [{"x": X}]).operators["If"] == 0


def test_one_value_may_be_two_outputs_of_a_branch() -> None:
    found = compared_by_meaning(parse(TWICE), [{"x": X}])
    assert found.operators == {"Exp": 1, "Identity": 1}


def test_a_name_that_hides_an_outer_one_gets_another() -> None:
    model = parse(
        "g (float[3,4] x) => (float[3,4] y) <bool c = {1}> { u = Abs (x)"
        " a = If (c) <then_branch = t () => (float[3,4] r) { u = Exp (x)  r = Neg (u) },"
        "             else_branch = e () => (float[3,4] s) { s = Neg (x) }>"
        " y = Add (a, u) }"
    )
    found = taken_apart(model)
    expected = np.abs(X) - np.exp(X)
    got = ReferenceEvaluator(found.model).run(None, {"x": X})[0]
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    outputs = [name for node in found.model.graph.node for name in node.output]
    assert len(outputs) == len(set(outputs))


def test_an_output_that_nobody_names_is_left_out() -> None:
    model = parse(TWICE)
    model.graph.node[0].output[0] = ""
    del model.graph.output[0]
    found = compared_by_meaning(model, [{"x": X}])
    assert [node.op_type for node in found.model.graph.node] == ["Exp"]


def test_a_branch_that_returns_a_sequence_is_tensors_in_the_end() -> None:
    model = parse(
        "g (float[3,4] x) => (float[a,4] y) <bool c = {1}> { m = Abs (x)"
        " s = If (c) <then_branch = t () => (seq(float[3,4]) ts) {"
        "               e = Exp (m)  ts = SequenceConstruct (e, m) },"
        "             else_branch = e () => (seq(float[3,4]) es) { es = SequenceConstruct (m) }>"
        " y = ConcatFromSequence <axis = 0> (s) }"
    )
    found = compared(model, [{"x": X}])
    assert found.operators == {"Abs": 1, "Exp": 1, "Concat": 1}
    assert found.outputs == {"y": [6, 4]}


def test_a_sequence_output_of_an_old_opset_needs_no_identity() -> None:
    model = parse(
        "g (float[3,4] x) => (seq(float[3,4]) s) <bool c = {1}> {"
        " s = If (c) <then_branch = t () => (seq(float[3,4]) ts) {"
        "               e = Exp (x)  ts = SequenceConstruct (e, x) },"
        "             else_branch = e () => (seq(float[3,4]) es) { es = SequenceConstruct (x) }> }",
        opset=13,
    )
    assert compared(model, [{"x": X}]).operators == {"Exp": 1, "SequenceConstruct": 1}


def test_an_if_whose_condition_is_data_stays() -> None:
    case = body_case("branches")
    found = compared(case.model, case.feeds)
    assert found.operators["If"] == 1
    assert found.left == {"node 'n_r' (If)": "its condition is known only at run time"}


def test_only_the_branch_that_runs_must_fit_the_sizes() -> None:
    model = parse(
        "g (float[3,4] x) => (float[a,b] y) <int64 three = {3}, int64[2] wrong = {5, 5}> {"
        " n = Size (x)  c = Equal (n, three)"
        " y = If (c) <then_branch = t () => (float[a,b] ty) { ty = Reshape (x, wrong) },"
        "             else_branch = e () => (float[a,b] ey) { ey = Neg (x) }> }"
    )
    assert compared(model, [{"x": X}]).operators == {"Neg": 1}


def test_branches_of_unlike_sizes_leave_only_what_both_have() -> None:
    model = parse(
        "g (float[3,4] x, bool c) => (float[a,b] y) <int64[2] other = {6, 4}> {"
        " y = If (c) <then_branch = t () => (float[a,b] ty) { ty = Concat <axis = 0> (x, x) },"
        "             else_branch = e () => (float[a,b] ey) { ey = Neg (x) }> }"
    )
    feeds = [{"x": X, "c": np.array(flag)} for flag in (True, False)]
    assert compared(model, feeds).outputs["y"][1] == 4


def test_declared_types_of_a_custom_operator_come_along() -> None:
    model = parse(
        "g (float[3,4] x) => (float[3,4] y) <bool c = {1}> {"
        " y = If (c) <then_branch = t () => (float[3,4] ty) { u = custom.Odd (x)"
        "                                                   ty = Neg (u) },"
        "             else_branch = e () => (float[3,4] ey) { ey = Neg (x) }> }"
    )
    branch = model.graph.node[0].attribute[0].g
    branch.value_info.append(helper.make_tensor_value_info("u", onnx.TensorProto.FLOAT, [3, 4]))
    found = taken_apart(model)
    assert [info.name for info in found.model.graph.value_info] == ["u"]
