"""GELU of com.microsoft in standard operators."""

from __future__ import annotations

import numpy as np
import pytest

from support.lowered_op import NEWEST, OPSETS, check


@pytest.mark.parametrize("open_sizes", [False, True])
def test_gelu(open_sizes: bool) -> None:
    x = np.linspace(-6, 6, 60, dtype=np.float32).reshape(3, 4, 5)
    check("com.microsoft::Gelu", [x], opsets=(*OPSETS, NEWEST), open_sizes=open_sizes)
