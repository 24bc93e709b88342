"""An If whose branches differ in shape and whose condition is known is the branch that it takes."""

from __future__ import annotations

import pytest

from support.downgraded import check, source

SQUEEZED = """g (float[2,{size},3] x) => (float[{shape}] y)
  <int64[1] one = {{1}}, int64 at = {{1}}> {{
  shape = Shape (x)
  size = Gather (shape, at)
  sure = Equal (size, one)
  z = If (sure) <
    then_branch = t () => (float[2,3] ty) {{ s = Squeeze (x, one)  ty = Abs (s) }},
    else_branch = e () => (float[2,{size},3] ey) <float[1] two = {{2}}> {{ ey = Mul (x, two) }} >
  y = Neg (z)
}}"""


@pytest.mark.parametrize("to", [10, 9, 7])
@pytest.mark.parametrize(("size", "shape"), [(1, "2,3"), (4, "2,4,3")])
def test_only_the_branch_that_is_taken_stays(to: int, size: int, shape: str) -> None:
    made = check(source(SQUEEZED.format(size=size, shape=shape), 17), to)
    assert "If" not in [node.op_type for node in made.graph.node]


def test_two_of_them_do_not_share_names() -> None:
    both = SQUEEZED.format(size=1, shape="2,3").replace("y = Neg (z)", "").rstrip("}\n")
    again = """  w = If (sure) <
    then_branch = t2 () => (float[2,3] ty) { s = Squeeze (x, one)  ty = Exp (s) },
    else_branch = e2 () => (float[2,1,3] ey) <float[1] two = {3}> { ey = Mul (x, two) } >
  y = Add (z, w)
}"""
    check(source(both + again, 17), 9)


def test_what_the_other_branch_was_changed_to_is_forgotten_with_it() -> None:
    text = """g (float[2,1,3] x) => (float[2,3] y) <int64[1] one = {1}, int64 at = {1}> {
      shape = Shape (x)
      size = Gather (shape, at)
      sure = Equal (size, one)
      y = If (sure) <
        then_branch = t () => (float[2,3] ty) { ty = Squeeze (x, one) },
        else_branch = e () => (float[2,1,3] ey) { v = ReduceMax <axes = [-1]> (x)
          ey = Add (v, x) } >
    }"""
    check(source(text, 17), 9)
