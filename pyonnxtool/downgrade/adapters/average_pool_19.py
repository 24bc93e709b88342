"""AveragePool from 19 to 18: it has no dilations."""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._windows import MOST, Windows, windows_and_ends
from pyonnxtool.downgrade.adapters._windows_summed import counted, summed
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("AveragePool", 19))
def average_pool(node: NodeView, tape: Tape) -> Decision:
    """19 -> 18: windows with gaps are summed by a convolution with ones, and divided."""
    gaps = node.attr_ints("dilations") or [1]
    kernel = node.attr_ints("kernel_shape") or gaps
    if all(gap == 1 or size == 1 for gap, size in zip(gaps, kernel, strict=False)):
        return Edit(drop=["dilations"])
    found = windows_and_ends(node)
    if not isinstance(found, tuple):
        return found
    axes, ends = found
    x = node.arg(0)
    wide = x.dtype if x.dtype in ("float32", "float64") else None
    value = str(x) if wide else tape.cast(x, "float32")
    total = summed(node, axes, value, ends, wide or "float32", tape)
    if not isinstance(total, str):
        return total
    average = tape.op("Div", total, _counts(node, axes, ends, wide or "float32", tape))
    return average if wide else tape.cast(average, str(x.dtype))


def _counts(node: NodeView, axes: list[Windows], ends: list[int], dtype: str, tape: Tape) -> str:
    """By how many elements the sum of each window is divided."""
    padding = bool(node.attr_int("count_include_pad"))
    whole = [not one.ceil and (padding or not one.begin + one.end) for one in axes]
    if all(whole):
        return tape.const(float(np.prod([one.kernel for one in axes])), dtype)
    known = [one.size is not None or all_of for one, all_of in zip(axes, whole, strict=True)]
    listed = max(one.table for one in axes), math.prod(one.count or 1 for one in axes)
    if not all(known) or max(listed) > MOST:
        return counted(axes, node.arg(0), ends, padding, dtype, tape)
    taps = [
        np.array([one.kernel]) if all_of else one.taps(padding)
        for one, all_of in zip(axes, whole, strict=True)
    ]
    return tape.const(reduce(np.multiply.outer, taps)[None, None], dtype)
