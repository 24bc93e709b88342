"""Orders of axes that layout rules are asked about."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations
from typing import Any

import numpy as np
import onnx

from support.relaid import check_rule

MOST = 23
"""So many are all that change anything of four axes."""


def orders(rank: int, most: int = MOST) -> list[list[int]]:
    """All that change something, or as many of them drawn at random."""
    moved = [list(order) for order in permutations(range(rank))][1:]
    if len(moved) <= most:
        return moved
    drawn = np.random.default_rng(rank).choice(len(moved), most, replace=False)
    return [moved[at] for at in sorted(drawn)]


def check_orders(
    model: onnx.ModelProto, operands: Iterable[str], rank: int, most: int = MOST, **how: Any
) -> None:
    """`check_rule` for each of these operands, which have this rank, in each order of its axes."""
    for operand in operands:
        for order in orders(rank, most):
            check_rule(model, operand, order, **how)
