"""RMSNormalization from 23 to 22: the primitive operators that exporters used to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._standardized import (
    as_dtype,
    computed_in,
    flat_from,
    known_float,
    last_axes,
    mean_of,
    root,
)

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("RMSNormalization", 23))
def rms_normalization(node: NodeView, tape: Tape) -> Decision:
    """23 -> 22: Pow, ReduceMean, Add, Sqrt, Div, then the scale.

    Statistics of float16 and bfloat16 are computed in float32, and so is the rest of bfloat16,
    which runtimes have few kernels for; its result is rounded once instead of twice.
    """
    x, scale = node["X"], node["scale"]
    for operand in (x, scale):
        if (refusal := known_float(node, operand)) is not None:
            return refusal
    axes = last_axes(node, x)
    if axes == []:
        return node.refuse(f"axis={node.attr_int('axis')} is outside the rank")
    dtype, scaled = x.dtype or "", scale.dtype or ""
    wide = computed_in(dtype)
    value = flat_from(node, as_dtype(x, dtype, wide, tape), axes, tape)
    square = mean_of(tape.op("Pow", value, tape.const(2, wide)), axes or [-1], tape)
    y = tape.op("Div", value, root(square, node.attr_float("epsilon"), wide, tape))
    if axes is None:
        y = tape.op("Reshape", y, tape.op("Shape", x))
    narrow = computed_in(scaled) if scaled == "bfloat16" else scaled
    y = as_dtype(y, wide, narrow, tape)
    return as_dtype(tape.op("Mul", y, as_dtype(scale, scaled, narrow, tape)), narrow, scaled, tape)
