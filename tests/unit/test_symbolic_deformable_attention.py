"""Attention of Deformable DETR, beside a loop over its places."""

from __future__ import annotations

import numpy as np
import pytest

import pyonnxtool as pot
from pyonnxtool.references import Array
from pyonnxtool.references.deformable_attention import deformable_attention
from support.lowered_op import NEWEST, check, model_of, refusal

NAME = "mmdeploy::MMCVMultiScaleDeformableAttention"


def operands(dtype: type = np.int64) -> list[Array]:
    """Two images, three maps, three heads; places are inside, on the edge and outside."""
    rng = np.random.default_rng(0)
    shapes = np.array([[4, 5], [2, 3], [1, 1]], dtype)
    sizes = shapes.prod(1)
    starts = np.concatenate([[0], sizes.cumsum()[:-1]]).astype(dtype)
    value = rng.standard_normal((2, sizes.sum(), 3, 4)).astype(np.float32)
    locations = (rng.random((2, 5, 3, 3, 2, 2)) * 1.4 - 0.2).astype(np.float32)
    weights = rng.random((2, 5, 3, 3, 2)).astype(np.float32)
    return [value, shapes, starts, locations, weights]


@pytest.mark.parametrize("constant", [(), (1, 2)])
@pytest.mark.parametrize("open_sizes", [False, True])
def test_it_computes_what_the_loop_does(open_sizes: bool, constant: tuple[int, ...]) -> None:
    given = operands(np.int64 if constant else np.int32)
    expected = [deformable_attention(*given).astype(np.float32)]
    if open_sizes and not constant:
        model = model_of(NAME, given, open_sizes=True)
        assert "how many feature maps it samples is only known" in refusal(model)
        return
    options = {"constant": constant, "open_sizes": open_sizes, "im2col_step": 64}
    check(NAME, given, expected=expected, opsets=(11, 16, 20, NEWEST), ulp=16, **options)


def test_a_check_compares_with_the_reference() -> None:
    given = operands()
    model = model_of(NAME, given, constant=(1, 2))
    feeds = {f"x{place}": given[place] for place in (0, 3, 4)}
    assert pot.lower(model, inputs=feeds, verify=1).report.verification is not None


def test_ranks() -> None:
    value, shapes, starts, locations, weights = operands()
    model = model_of(NAME, [value[0], shapes, starts, locations, weights])
    assert "its inputs have the ranks (3, 6, 5)" in refusal(model)
