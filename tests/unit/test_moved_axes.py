"""What differs in a node whose values lie in another order of axes."""

from __future__ import annotations

import numpy as np
import pytest

from pyonnxtool.divergence.blame.moved_axes import alike_elsewhere
from pyonnxtool.divergence.blame.why import attribute_differences, differences
from pyonnxtool.divergence.views import Rearranged
from support.parsed import parsed

LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def pair(ours: str, theirs: str):
    head = "g (float[2,3,4,5] x) => (float[N] y) <float[3,1,1] w = {1.0, 2.0, 3.0},"
    head += " float[3] v = {1.0, 2.0, 3.0}, float[3] u = {1.0, 2.0, 2.0}>"
    models = [parsed(f"{head} {{ y = {text} }}", opset=13) for text in (ours, theirs)]
    return models, [model.graph.nodes[0] for model in models]


def told(ours: str, theirs: str, x: tuple[int, ...] = LAST, y: tuple[int, ...] = LAST):
    models, nodes = pair(ours, theirs)
    forms = {name: Rearranged(perm) for name, perm in (("x", x), ("y", y)) if perm}
    return differences(models[0], nodes[0], models[1], nodes[1], {"x": "x"}, forms)


@pytest.mark.parametrize(
    ("ours", "theirs", "x", "y"),
    [
        ("Softmax <axis = 1> (x)", "Softmax <axis = 3> (x)", LAST, LAST),
        ("Softmax <axis = 1> (x)", "Softmax <axis = -1> (x)", LAST, LAST),
        ("ReduceMax <axes = [2, 3]> (x)", "ReduceMax <axes = [1, 2]> (x)", LAST, LAST),
        ("ReduceMax <axes = [3, 2]> (x)", "ReduceMax <axes = [1, -2]> (x)", LAST, ()),
        ("Transpose <perm = [0, 2, 3, 1]> (x)", "Transpose <perm = [0, 1, 2, 3]> (x)", LAST, ()),
        ("Transpose <perm = [1, 0, 2, 3]> (x)", "Transpose <perm = [3, 0, 1, 2]> (x)", LAST, ()),
        ("Transpose <perm = [1, 0, 2, 3]> (x)", "Transpose <perm = [3, 1, 2, 0]> (x)", LAST, LAST),
        ("Mul (x, w)", "Mul (x, v)", LAST, LAST),
    ],
)
def test_what_another_layout_wants_is_no_difference(ours, theirs, x, y):
    assert told(ours, theirs, x, y) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (
            "Softmax <axis = 1> (x)",
            "Softmax <axis = 1> (x)",
            "attribute axis is 1, but where the reference has 1 it would have to be 3 in this "
            "layout",
        ),
        (
            "ReduceMax <axes = [2, 3]> (x)",
            "ReduceMax <axes = [2, 3]> (x)",
            "attribute axes is [2, 3], but where the reference has [2, 3] it would have to be "
            "[1, 2] in this layout",
        ),
        ("Mul (x, w)", "Mul (x, u)", "constant 'u' (input 1) differs: shape (3, 1, 1) vs (3)"),
    ],
)
def test_what_is_wrong_in_this_layout_is_told(ours, theirs, words):
    assert told(ours, theirs) == [words]


def test_without_another_layout_axes_are_compared_as_they_are():
    _, nodes = pair("Softmax <axis = 1> (x)", "Softmax <axis = 3> (x)")
    assert attribute_differences(*nodes) == ["attribute axis differs: 3 instead of 1"]


def test_constants_that_may_be_the_same_elsewhere():
    floats = np.arange(6, dtype=np.float32)
    assert alike_elsewhere(floats.reshape(2, 3), floats.reshape(2, 3).T)
    assert not alike_elsewhere(floats, floats + 1)
    assert not alike_elsewhere(floats, floats.astype(np.float64))
    assert not alike_elsewhere(floats, floats[:5])
    assert alike_elsewhere(np.array([0, 1, 2]), np.array([4, 4])), "sizes or axes"
    assert not alike_elsewhere(np.arange(99), np.arange(99) + 1)
    assert not alike_elsewhere(np.array(["a"], object), np.array(["a"], object))
