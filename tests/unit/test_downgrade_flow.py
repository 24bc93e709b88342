"""If, Loop and Scan at lower opsets: the branches, turns and elements are the same ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from support.downgraded import check, lowered, refusal, source

RNG = np.random.default_rng(6)


def floats(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


BRANCHES = """g (float[2,3] x, bool c) => (float[2,?] y, int64[?] z) <int64[1] axis = {1}> {
  s = Sigmoid (x)
  y, z = If (c) <
    then_branch = t () => (float[2,1] ty, int64[2] tz) { ty = ReduceMean (s, axis)
      tz = Shape (s) },
    else_branch = e () => (float[2,3] ey, int64[1] ez) { n = Neg (s)  ey = Mul (n, x)
      ez = Identity (axis) }> }"""


@pytest.mark.parametrize("to", [17, 11, 10, 9, 8, 7])
@pytest.mark.parametrize("taken", [True, False])
def test_branches_of_different_shapes(to: int, taken: bool) -> None:
    check(source(BRANCHES, 20), to, {"x": floats(2, 3), "c": np.array(taken)})


def test_a_branch_that_is_not_taken_is_not_run() -> None:
    """It would be out of bounds."""
    text = """g (float[2,3] x, bool c, int64 i) => (float[?] y) {
      y = If (c) <
        then_branch = t () => (float[3] ty) { ty = Gather (x, i) },
        else_branch = e () => (float[1] ey) { ey = Constant <value = float[1] {7}> () }> }"""
    feeds = {"x": floats(2, 3), "c": np.array(False), "i": np.array(9)}
    check(source(text, 13), 9, feeds)


@pytest.mark.parametrize("to", [11, 10, 9, 8, 7])
def test_a_loop_that_carries_nothing(to: int) -> None:
    text = """g (float[2] x, int64 n) => (float[N,2] y) {
      y = Loop (n, "") <body = b (int64 i, bool c) => (bool co, float[2] s) {
        co = Identity (c)  f = Cast <to = 1> (i)  s = Add (x, f) }> }"""
    check(source(text, 13), to, {"x": floats(2), "n": np.array(4)})


SCAN = """g (float[2] s0, float[3,{n},2] xs, float[{n},2] zs) => (float[2] s, float[2,M] y,
   float[M,2] w) <int64[1] ax = {{0}}> {{
  a = Abs (s0)
  s, y, w = Scan (s0, xs, zs) <num_scan_inputs = 2, scan_input_axes = [1, {axis}],
    scan_input_directions = [{backward}], scan_output_axes = [-1, 0],
    scan_output_directions = [{prepended}],
    body = b (float[2] h, float[3,2] x, float[2] z) => (float[2] ho, float[2] yo, float[2] wo) {{
      m = ReduceMean <keepdims = 0> (x, ax)  ho = Add (h, m)
      yo = Mul (ho, z)  wo = Sub (a, z) }}> }}"""


@pytest.mark.parametrize("to", [17, 10, 9, 8, 7])
@pytest.mark.parametrize("size", ["N", "5"])
@pytest.mark.parametrize(
    ("axis", "backward", "prepended"), [(-2, "0, 1", "1, 0"), (0, "1, 0", "0, 1")]
)
def test_a_scan(to: int, size: str, axis: int, backward: str, prepended: str) -> None:
    text = SCAN.format(n=size, axis=axis, backward=backward, prepended=prepended)
    feeds = {"s0": floats(2), "xs": floats(3, 5, 2), "zs": floats(5, 2)}
    check(source(text, 20), to, feeds)


def test_a_scan_without_state() -> None:
    text = """g (float[4,2] x) => (float[4,2] y) { y = Scan (x) <num_scan_inputs = 1,
      body = b (float[2] e) => (float[2] o) { o = Neg (e) }> }"""
    check(source(text, 13), 8, {"x": floats(4, 2)})


def test_nodes_in_a_body_that_is_moved_are_still_lowered() -> None:
    """The Scan becomes a Loop at the step that expands the operator in it."""
    text = """g (float[3,1,2,2,2] x) => (float[3,1,2,2,2] y) { y = Scan (x) <num_scan_inputs = 1,
      body = b (float[1,2,2,2] e) => (float[1,2,2,2] o) {
        m = MeanVarianceNormalization (e)  o = Neg (m) }> }"""
    made = check(source(text, 12), 7, {"x": floats(3, 1, 2, 2, 2)}, ulp=8)
    assert [node.op_type for node in made.graph.node] == ["Loop"]


@pytest.mark.parametrize("size", ["N", "5"])
def test_what_a_scan_lacks_is_refused(size: str) -> None:
    text = SCAN.format(n=size, axis=0, backward="1, 0, 1", prepended="0, 1")
    model = onnx.parser.parse_model(
        source(text, 9).replace("(x, ax)", "(x)").replace("-1, 0", "1, 0")
    )
    assert "axes or directions are not one for each row" in refusal(model, 8)


def test_a_branch_that_is_declared_to_have_another_shape_than_the_other() -> None:
    """Of which the graph around it knows less."""
    text = """g (float[n,3] x, float[2,3] z, bool c) => (float[?,?] y) {
      y = If (c) <
        then_branch = t () => (float[1,3] ty) { ty = Identity (x) },
        else_branch = e () => (float[2,3] ey) { ey = Identity (z) }> }"""
    for taken in (True, False):
        given = {"x": floats(1, 3), "z": floats(2, 3), "c": np.array(taken)}
        check(source(text, 20), 9, given)


@pytest.mark.parametrize("to", [10, 7])
def test_branches_of_texts_of_different_shapes(to: int) -> None:
    text = """g (string[2] x, bool c) => (string[?] y) {
      y = If (c) <
        then_branch = t () => (string[2] ty) { ty = Identity (x) },
        else_branch = e () => (string[1] ey) { ey = Constant <value = string[1] {"z"}> () }> }"""
    for taken in (True, False):
        given = {"x": np.array(["a", ""], object), "c": np.array(taken)}
        check(source(text, 20), to, given)


@pytest.mark.parametrize("to", [15, 13])
def test_nodes_of_a_type_that_neither_they_nor_the_loop_around_them_take(to: int) -> None:
    """Both are computed in a wider one; the Loop is replaced and takes a copy of the node along."""
    text = """g (bfloat16[3] x, int64 n) => (bfloat16[?,3] y) {
      y = Loop (n, "") <body = b (int64 i, bool k) => (bool o, bfloat16[3] s) { o = Identity (k)
        s = LeakyRelu <alpha = 0.5> (x) }> }"""
    made = lowered(source(text, 20), to)
    inner = onnx.helper.get_node_attr_value(
        next(node for node in made.graph.node if node.op_type == "Loop"), "body"
    )
    assert "LeakyRelu" in [node.op_type for node in inner.node]
    declared = next(one for one in made.graph.output if one.name == "y")
    assert declared.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16
