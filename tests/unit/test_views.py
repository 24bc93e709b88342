"""Views: a value in another form, there and back."""

from __future__ import annotations

import numpy as np
import pytest

from pyonnxtool.divergence.plan import Pair, in_candidate_form, in_reference_form
from pyonnxtool.divergence.views import Rearranged
from pyonnxtool.rewriting import InnerOrder

VALUE = np.arange(2 * 16 * 3 * 5, dtype=np.float32).reshape(2, 16, 3, 5)


@pytest.mark.parametrize(
    ("view", "theirs", "note"),
    [
        (Rearranged((0, 2, 3, 1)), VALUE.transpose(0, 2, 3, 1), "transposed (0, 2, 3, 1)"),
        (Rearranged(), VALUE.reshape(2, -1), "reshaped"),
        (
            Rearranged((0, 2, 3, 1)),
            VALUE.transpose(0, 2, 3, 1).reshape(2, 15, 16),
            "transposed (0, 2, 3, 1)",
        ),
        (
            Rearranged((0, 1, 3, 4, 2), block=(1, 8)),
            VALUE.reshape(2, 2, 8, 3, 5).transpose(0, 1, 3, 4, 2).reshape(2, 16, 3, 5),
            "axis 1 in blocks of 8",
        ),
        (
            Rearranged((0, 2, 3, 1), inner=(InnerOrder(1, (4, 4), (1, 0)),)),
            VALUE.reshape(2, 4, 4, 3, 5).swapaxes(1, 2).reshape(VALUE.shape).transpose(0, 2, 3, 1),
            "transposed (0, 2, 3, 1), axis 1 as 4x4 in order (1, 0)",
        ),
        (
            Rearranged(inner=(InnerOrder(3, (5,), (0,)), InnerOrder(1, (2, 2, 4), (2, 0, 1)))),
            VALUE.reshape(2, 2, 2, 4, 3, 5).transpose(0, 3, 1, 2, 4, 5).reshape(VALUE.shape),
            "axis 3 as 5 in order (0,), axis 1 as 2x2x4 in order (2, 0, 1)",
        ),
    ],
)
def test_a_view_goes_there_and_back(view, theirs, note):
    assert np.array_equal(view.to_candidate(VALUE, theirs.shape), theirs)
    assert np.array_equal(view.to_reference(theirs, VALUE.shape), VALUE)
    assert view.note == note


def test_what_does_not_fit_is_left_as_it_is():
    view = Rearranged((1, 0))
    assert view.to_reference(VALUE, (3, 3)) is VALUE
    assert view.to_candidate(VALUE, VALUE.shape) is VALUE
    inner = Rearranged(inner=(InnerOrder(1, (3, 5), (1, 0)),))
    assert inner.to_candidate(VALUE, VALUE.shape) is VALUE
    assert Rearranged((0, 1, 2), block=(0, 7)).to_candidate(VALUE[0], (1,)).shape == (16, 3, 5)


def test_the_shape_of_what_is_only_moved_need_not_be_known():
    pair = Pair("a", "b", view=Rearranged((1, 0, 2, 3)))
    assert in_candidate_form(pair, VALUE, {}).shape == (16, 2, 3, 5)


def test_pairs_without_a_view_are_handed_on_untouched():
    pair = Pair("a", "b")
    turned = VALUE.T
    assert in_reference_form(pair, VALUE, turned) is turned
    assert in_candidate_form(pair, VALUE, {"b": (1,)}) is VALUE
