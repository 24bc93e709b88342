"""Which input and output is which where one model has its channels last."""

from __future__ import annotations

import pytest

from pyonnxtool import diff
from pyonnxtool.errors import UsageError
from pyonnxtool.interface import match_interface
from support.parsed import parsed

NET = "g (float[{x}] x) => (float[{y}] y) {{ y = Relu (x) }}"


def net(x: str, y: str = ""):
    return parsed(NET.format(x=x, y=y or x))


@pytest.mark.parametrize(
    ("ours", "theirs", "perm"),
    [
        ("1,3,8,6", "1,8,6,3", (0, 2, 3, 1)),
        ("1,8,6,3", "1,3,8,6", (0, 3, 1, 2)),
        ("batch,3,h,w", "batch,h,w,3", (0, 2, 3, 1)),
        ("n,c,h,w", "n,h,w,c", (0, 2, 3, 1)),
        ("1,3,4,5,6", "1,4,5,6,3", (0, 2, 3, 4, 1)),
        ("1,4,8", "1,8,4", (0, 2, 1)),
        ("1,4,4,4", "1,4,4,4", None),
        ("n,c,h,w", "n,3,h,w", None),
        ("n,c,h,w", "a,b,c,d", None),
    ],
)
def test_sizes_and_their_names_tell_the_order_of_axes(ours, theirs, perm):
    found = match_interface(net(ours), net(theirs))
    wanted = {} if perm is None else perm
    assert found.moved == ({"x": wanted} if wanted else {})
    assert found.moved_outputs == ({"y": wanted} if wanted else {})


def test_what_the_caller_tells_goes_before_what_sizes_tell():
    found = match_interface(net("4,4,4"), net("4,4,4"), {"x": (2, 0, 1), "y": None})
    assert (found.moved, found.moved_outputs) == ({"x": (2, 0, 1)}, {})
    found = match_interface(net("n,c,h,w"), net("n,h,w,c"), {"x": None, "y": None})
    assert (found.moved, found.moved_outputs) == ({}, {})


def test_an_input_of_two_axes_is_only_turned_when_told():
    with pytest.raises(UsageError, match="input 'x' is float32"):
        match_interface(net("2,3"), net("3,2"))
    assert match_interface(net("2,3"), net("3,2"), {"x": (1, 0)}).moved == {"x": (1, 0)}


def test_an_output_that_only_its_shape_tells_is_compared_in_the_form_of_the_other():
    ours = parsed("g (float[1,2,4,3] x) => (float[1,2,4,3] y) { y = Relu (x) }")
    theirs = parsed(
        "g (float[1,2,4,3] x) => (float[1,4,3,2] y) {"
        " a = Abs (x)  b = Relu (x)  t = Transpose <perm = [0, 2, 3, 1]> (b)  y = Identity (t) }"
    )
    found = diff(ours, theirs)
    assert found.verdict == "same"
    assert found.outputs[0].note == "transposed (0, 2, 3, 1)"
