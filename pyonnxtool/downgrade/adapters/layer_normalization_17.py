"""LayerNormalization from 17 to 16: the primitive operators that exporters used to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._standardized import (
    as_dtype,
    centered,
    computed_in,
    flat_from,
    known_float,
    last_axes,
    root,
    stashed,
)

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("LayerNormalization", 17))
def layer_normalization(node: NodeView, tape: Tape) -> Decision:
    """17 -> 16: ReduceMean, Sub, Pow, ReduceMean, Add, Sqrt, Div, then scale and bias.

    Statistics of float16 and bfloat16 are computed in float32, and so is the rest of bfloat16,
    which runtimes have few kernels for; its result is rounded once instead of three times.
    """
    x, scale, bias = node["X"], node["Scale"], node["B"]
    axes, stash = last_axes(node, x), stashed(node)
    if (refusal := known_float(node, x)) is not None:
        return refusal
    if axes == [] or stash is None:
        return node.refuse("axis or stash_type is none that it can have")
    if axes is None and any(node.outputs[1:]):
        return node.refuse_dynamic("the rank of its input")
    dtype = x.dtype or ""
    wide = computed_in(dtype)
    value = flat_from(node, as_dtype(x, dtype, wide, tape), axes, tape)
    mean, deviation, variance = centered(value, axes or [-1], wide, tape)
    std = root(variance, node.attr_float("epsilon"), wide, tape)
    y = tape.op("Div", deviation, std)
    if axes is None:
        y = tape.op("Reshape", y, tape.op("Shape", x))
    narrow = wide if dtype == "bfloat16" else dtype
    y = as_dtype(y, wide, narrow, tape)
    y = tape.op("Mul", y, as_dtype(scale, dtype, narrow, tape))
    if bias:
        y = tape.op("Add", y, as_dtype(bias, dtype, narrow, tape))
    made = [as_dtype(y, narrow, dtype, tape)]
    if node.out(1):
        made.append(as_dtype(mean, wide, stash, tape))
    if node.out(2):
        inverse = as_dtype(tape.op("Reciprocal", std), wide, stash, tape)
        made += [""] * (2 - len(made)) + [inverse]
    return made
