"""The view of a pair of values, found from their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from pyonnxtool.divergence.pairing.forms import Form, are_sizes_reordered, find_form
from pyonnxtool.divergence.views import Rearranged

RNG = np.random.default_rng(0)


def values(*shape: int, samples: int = 2):
    return [RNG.standard_normal(shape).astype(np.float32) for _ in range(samples)]


def moved(arrays, perm, shape=None):
    return [
        np.ascontiguousarray(a.transpose(perm)).reshape(shape or a.transpose(perm).shape)
        for a in arrays
    ]


@pytest.mark.parametrize("shape", [(1, 3, 8, 6), (2, 16, 16, 16), (1, 64, 28, 28)])
@pytest.mark.parametrize("perm", [(0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 3, 2)])
def test_a_permutation_is_found_though_dims_are_equal(shape, perm):
    ours = values(*shape)
    assert find_form(ours, moved(ours, perm)) == Form(Rearranged(perm))


def test_one_form_on_both_sides_needs_no_view():
    ours = values(4, 5)
    assert find_form(ours, [a * np.float32(1 + 1e-6) for a in ours]) == Form(None)


def test_another_shape_alone_is_a_reshape():
    ours = values(2, 3, 20)
    assert find_form(ours, [a.reshape(6, 20) for a in ours]) == Form(Rearranged())


def test_a_permutation_may_be_followed_by_a_merge_of_axes():
    ours = values(2, 12, 4, 4)
    theirs = moved(ours, (0, 2, 3, 1), (2, 16, 12))
    assert find_form(ours, theirs) == Form(Rearranged((0, 2, 3, 1)))


def test_blocked_channels_are_found():
    view = Rearranged((0, 1, 3, 4, 2), (1, 8))
    ours = values(1, 32, 6, 6)
    assert find_form(ours, [view.to_candidate(a, a.shape) for a in ours]) == Form(view)


def test_other_numbers_and_other_counts_have_no_form():
    ours = values(2, 16, 16)
    assert find_form(ours, values(2, 16, 16)) is None
    assert find_form(ours, values(2, 16, 15)) is None


def test_forms_that_fit_equally_well_are_none():
    """A symmetric matrix in one sample: both permutations of it give the same numbers."""
    square = values(1, 5, 5, 3, samples=1)[0]
    symmetric = square + square.transpose(0, 2, 1, 3)
    theirs = np.ascontiguousarray(symmetric.transpose(0, 3, 1, 2))
    assert find_form([symmetric], [theirs]) is None
    # Another sample tells.
    theirs = [theirs, np.ascontiguousarray(square.transpose(0, 3, 1, 2))]
    assert find_form([symmetric, square], theirs) == Form(Rearranged((0, 3, 1, 2)))


def test_a_fault_leaves_the_form_likely_or_nothing():
    ours = values(1, 8, 9, 9)
    damaged = [np.maximum(a, -0.3) for a in moved(ours, (0, 2, 3, 1))]
    assert find_form(ours, damaged) is None
    found = find_form(ours, damaged, although_different=True)
    assert found == Form(Rearranged((0, 2, 3, 1)), sure=False)
    other = moved(values(1, 8, 9, 9), (0, 2, 3, 1))
    assert find_form(ours, other, although_different=True) is None


def test_nan_and_huge_numbers_keep_their_places():
    ours = values(4, 6)
    for a in ours:
        a[1, 2], a[3, 3], a[0, 5] = np.nan, np.inf, -3.4e38
    assert find_form(ours, moved(ours, (1, 0))) == Form(Rearranged((1, 0)))


def test_sizes_in_another_order_are_no_form_of_each_other():
    sizes = np.array([1, 3, 8, 6])
    assert are_sizes_reordered([sizes], [sizes[[0, 2, 3, 1]]])
    assert not are_sizes_reordered([sizes], [sizes])
    assert not are_sizes_reordered([sizes], [sizes + 1])
    assert not are_sizes_reordered([sizes.reshape(2, 2)], [sizes.reshape(2, 2).T])
    assert not are_sizes_reordered([sizes.astype(np.float32)], [sizes[::-1].astype(np.float32)])


def test_a_value_that_a_fault_changed_shows_its_order_of_axes_by_its_shape():
    ours, theirs = values(1, 3, 8, 6), values(1, 8, 6, 3)
    assert find_form(ours, theirs) is None
    found = find_form(ours, theirs, although_different=True)
    assert found == Form(Rearranged((0, 2, 3, 1)), sure=False)
    two_alike = find_form(values(1, 3, 8, 8), values(1, 8, 8, 3), although_different=True)
    assert two_alike is None, "which of the two eights is which?"
    assert find_form(values(2, 6), values(3, 4), although_different=True) is None
