"""A Scan over axes of known size is unrolled: any axes, both directions, states and outputs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from support.body_models import body_case
from support.specialized import parse
from support.taken_apart import compared, taken_apart

RNG = np.random.default_rng(0)
H = RNG.standard_normal((3, 4)).astype(np.float32)
XS = RNG.standard_normal((5, 3, 4)).astype(np.float32)

BODY = """body = b (float[3,4] h, float[3,4] x) => (float[3,4] h_out, float[3,4] o)
  <float w = {2.0}> { u = Mul (x, w)  v = Sub (u, h)  h_out = Tanh (v)  o = Exp (v) }"""


@pytest.mark.parametrize("opset", [9, 18])
@pytest.mark.parametrize(
    ("axis", "out", "backwards", "prepend"),
    list(itertools.product([0, 1, 2], [0, 2], [0, 1], [0, 1])),
)
def test_its_elements_take_its_place(
    axis: int, out: int, backwards: int, prepend: int, opset: int
) -> None:
    sizes = [3, 4]
    sizes.insert(axis, 5)
    stacked = [3, 4]
    stacked.insert(out, 5)
    model = parse(
        f"""g (float[3,4] h, float{sizes} xs) => (float[3,4] y, float[p,q,r] s) {{
      y, s = Scan (h, xs) <num_scan_inputs = 1, scan_input_axes = [{axis}],
        scan_input_directions = [{backwards}], scan_output_axes = [{out}],
        scan_output_directions = [{prepend}], {BODY}> }}""",
        opset=opset,
    )
    feed = {"h": H, "xs": np.ascontiguousarray(np.moveaxis(XS, 0, axis))}
    found = compared(model, [feed])
    assert found.operators["Scan"] == 0
    assert found.outputs == {"y": [3, 4], "s": stacked}


@pytest.mark.parametrize("axis", [-1, -3])
def test_axes_count_from_the_end_since_opset_11(axis: int) -> None:
    sizes = [3, 4]
    sizes.insert(3 + axis, 5)
    model = parse(f"""g (float[3,4] h, float{sizes} xs) => (float[3,4] y, float[p,q,r] s) {{
      y, s = Scan (h, xs) <num_scan_inputs = 1, scan_input_axes = [{axis}],
        scan_output_axes = [{axis}], {BODY}> }}""")
    feed = {"h": H, "xs": np.ascontiguousarray(np.moveaxis(XS, 0, 3 + axis))}
    found = compared(model, [feed])
    assert found.operators["Scan"] == 0
    assert found.outputs["s"] == sizes


def test_several_inputs_in_several_directions() -> None:
    model = parse(
        """g (float[5,3,4] xs, float[4,5,3] zs) => (float[p] s) {
      a = Abs (xs)
      s = Scan (a, xs, zs) <num_scan_inputs = 3, scan_input_axes = [0, 0, 1],
        scan_input_directions = [0, 1, 1],
        body = b (float[3,4] f, float[3,4] r, float[4,3] z) => (float o) {
          m = MatMul (f, z)  n = MatMul (r, z)  k = Add (m, n)
          o = ReduceSum <keepdims = 0> (k) }> }""".replace("float[p,q] s", "float[p] s")
    )
    zs = RNG.standard_normal((4, 5, 3)).astype(np.float32)
    found = compared(model, [{"xs": XS, "zs": zs}])
    assert found.operators["Scan"] == 0
    assert found.outputs == {"s": [5]}


def test_an_element_that_no_turn_reads_is_not_taken() -> None:
    model = parse("""g (float[3,4] h, float[5,3,4] xs) => (float[3,4] y) {
      y = Scan (h, xs) <num_scan_inputs = 1, body = b (float[3,4] h0, float[3,4] x)
        => (float[3,4] h1) { h1 = Sin (h0) }> }""")
    assert compared(model, [{"h": H, "xs": XS}]).operators == {"Sin": 5}


def test_an_output_that_is_the_element_itself() -> None:
    model = parse("""g (float[3,4] h, float[5,3,4] xs) => (float[3,4] y, float[p,q,r] s) {
      d = Abs (h)
      y, s = Scan (d, xs) <num_scan_inputs = 1, scan_output_directions = [1],
        body = b (float[3,4] h0, float[3,4] x) => (float[3,4] h1, float[3,4] o) {
          h1 = Identity (h0)  o = Identity (x) }> }""")
    found = compared(model, [{"h": H, "xs": XS}])
    assert found.operators["Scan"] == 0


def test_a_scan_in_a_scan_captures_from_both() -> None:
    model = parse("""g (float[4] h, float[2,5,4] xs) => (float[4] y, float[p,q,r] s) {
      w = Abs (h)
      y, s = Scan (h, xs) <num_scan_inputs = 1, body = b (float[4] h0, float[5,4] rows)
        => (float[4] h1, float[5,4] o) {
          k = Sin (h0)
          h1, o = Scan (k, rows) <num_scan_inputs = 1, body = c (float[4] k0, float[4] row)
            => (float[4] k1, float[4] r) {
              t = Mul (row, h0)  u = Add (t, w)  k1 = Sub (k0, u)  r = Tanh (k1) }> }> }""")
    feed = {"h": RNG.standard_normal(4).astype(np.float32)}
    feed["xs"] = RNG.standard_normal((2, 5, 4)).astype(np.float32)
    found = compared(model, [feed])
    assert found.operators["Scan"] == 0
    assert found.outputs == {"y": [4], "s": [2, 5, 4]}


def test_bodies_of_the_bisection_tests() -> None:
    case = body_case("scan")
    assert compared(case.model, case.feeds).operators["Scan"] == 0


LEFT = {
    "the length has a name": (
        f"""g (float[3,4] h, float[n,3,4] xs) => (float[3,4] y, float[p,q,r] s) {{
          y, s = Scan (h, xs) <num_scan_inputs = 1, {BODY}> }}""",
        18,
        "it scans n elements, which is not bound",
    ),
    "the length is open": (
        f"""g (float[3,4] h, float[?,3,4] xs) => (float[3,4] y, float[p,q,r] s) {{
          y, s = Scan (h, xs) <num_scan_inputs = 1, {BODY}> }}""",
        18,
        "the number of elements that it scans is known only at run time",
    ),
    "opset 8": (
        """g (float[1,3,4] h, float[1,5,3,4] xs) => (float[1,3,4] y, float[1,5,3,4] s) {
          y, s = Scan ("", h, xs) <num_scan_inputs = 1,
            body = b (float[3,4] h0, float[3,4] x) => (float[3,4] h1, float[3,4] o) {
              h1 = Add (h0, x)  o = Exp (h1) }> }""",
        8,
        "a Scan of opset 8 runs each sequence of the batch to its own length",
    ),
}


@pytest.mark.parametrize("name", LEFT)
def test_a_scan_that_stays_says_why(name: str) -> None:
    text, opset, reason = LEFT[name]
    model = parse(text, opset=opset)
    batch = (1,) if opset == 8 else ()
    found = compared(model, [{"h": H.reshape(*batch, 3, 4), "xs": XS.reshape(*batch, 5, 3, 4)}])
    assert found.operators["Scan"] == 1
    assert list(found.left.values()) == [reason]
    assert found.outputs["y"] == [*batch, 3, 4]
    assert found.outputs["s"][-2:] == [3, 4]


def test_more_elements_than_allowed_stay() -> None:
    model = parse(f"""g (float[3,4] h, float[65,3,4] xs) => (float[3,4] y, float[p,q,r] s) {{
      y, s = Scan (h, xs) <num_scan_inputs = 1, {BODY}> }}""")
    found = taken_apart(model)
    assert list(found.left.values()) == [
        "it makes 65 turns, more than the 64 that --max-unroll allows"
    ]
    assert found.outputs == {"y": [3, 4], "s": [65, 3, 4]}
    assert taken_apart(model, max_unroll=65).operators["Scan"] == 0
