"""Operators that torch's exporter left are checked with torch itself where that is installed."""

from __future__ import annotations

import pytest

import pyonnxtool as pot
from pyonnxtool.errors import BackendError
from support.recorded_aten import recorded

pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings("ignore")]

CASES = (
    *("expm1", "cummax", "adaptive_max_pool2d (4, 3)", "encoder causal", "median along", "isin"),
    *("grid_sampler bicubic border", "upsample bicubic smooth by scale", "searchsorted True"),
    *("upsample nearest-exact by scale", "quantile 0.3", "fill_diagonal", "linalg_solve"),
)


@pytest.mark.parametrize("name", CASES)
def test_they_agree(name: str) -> None:
    pytest.importorskip("torch")
    found = pot.lower(recorded()[name].model(), verify=2).report.verification
    assert found is not None
    assert found.samples == 2
    assert "compared one by one with references" in found.notes[0]


def test_inputs_that_torch_does_not_take() -> None:
    pytest.importorskip("torch")
    with pytest.raises(BackendError, match="torch cannot run aten::embedding_bag on the inputs"):
        pot.lower(recorded()["embedding_bag max"].model(), verify=1)
