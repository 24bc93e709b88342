"""MeanVarianceNormalization from 9 to 8: it is new, and is written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._axes import from_front
from pyonnxtool.downgrade.adapters._standardized import (
    as_dtype,
    centered,
    computed_in,
    known_float,
)

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("MeanVarianceNormalization", 9))
def mean_variance_normalization(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: ReduceMean, Sub, Pow, ReduceMean, Sqrt, Add, Div.

    The schema's function body takes the square of the mean from the mean of the squares, of which
    little is left where the mean is large; runtimes do not compute it so.
    """
    x = node["X"]
    if (refusal := known_float(node, x)) is not None:
        return refusal
    axes = from_front(node, node.attr_ints("axes") or [], x.rank)
    if not isinstance(axes, list):
        return axes
    if not axes:
        return node.refuse("it has no axes")
    dtype = x.dtype or ""
    wide = computed_in(dtype)
    _, deviation, variance = centered(as_dtype(x, dtype, wide, tape), axes, wide, tape)
    std = tape.op("Add", tape.op("Sqrt", variance), tape.const(1e-9, wide))
    return as_dtype(tape.op("Div", deviation, std), wide, dtype, tape)
