"""Tolerances and what rounding explains."""

from __future__ import annotations

import numpy as np
import pytest

from pyonnxtool._core import diff_stats
from pyonnxtool.errors import UsageError
from pyonnxtool.verdict import Limit, Tolerances, output_rtol, rounding_bound


def stats(ref, got):
    return diff_stats(np.array(ref, np.float32), np.array(got, np.float32))


def test_patterns_and_the_last_that_fits():
    rules = Tolerances.parse(atol=["1e-4", "logits*=1e-2"], rtol=0.5)
    assert rules.limit("logits_1") == Limit(atol=1e-2, rtol=0.5)
    assert rules.limit("other") == Limit(atol=1e-4, rtol=0.5)


@pytest.mark.parametrize("text", ["", "abc", "x=", "-1", "nan", "x=-2"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(UsageError, match=r"--atol .* is not a number that is 0 or more"):
        Tolerances.parse(atol=[text])


def test_default_of_each_dtype():
    assert output_rtol("float32") == 1e-5
    assert output_rtol("float16") == 16 * 2.0**-10
    assert output_rtol("int64") == 0.0


def test_a_limit_is_absolute_plus_relative_to_the_scale():
    assert Limit(atol=0.5, rtol=0.1).holds(stats([10, 0], [10, 1.5]))
    assert not Limit(atol=0.5, rtol=0.1).holds(stats([10, 0], [10, 1.6]))


def test_ulp_alone():
    one = np.float32(1)
    assert Limit(ulp=1).holds(stats([one], [np.nextafter(one, np.float32(2))]))
    assert not Limit(ulp=1).holds(stats([1], [1.001]))


def test_nan_on_one_side_is_never_within():
    assert not Limit(atol=np.inf).holds(stats([1], [np.nan]))


def test_the_rule_as_a_sentence():
    assert Tolerances().sentence(["float32", "int64"]) == (
        "1e-05 of the output's scale (float32), equal (int64)"
    )
    assert Tolerances.parse(atol="y=0.1").sentence([]) == (
        "atol y=0.1 (rtol is relative to the output's scale)"
    )


def test_longer_sums_may_round_more():
    assert rounding_bound("float32", 10000, 1.0) == pytest.approx(208 * 2.0**-23)
    assert rounding_bound("int32", 10000, 1.0) == 0.0
