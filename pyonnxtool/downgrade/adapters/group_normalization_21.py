"""GroupNormalization from 21 to 20, and from 18 to 17, as InstanceNormalization of the groups.

Both have one signature: scale and bias are for each channel from 21 on, for each group before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._reshape_sizes import shape_like
from pyonnxtool.downgrade.adapters._standardized import (
    as_dtype,
    centered,
    computed_in,
    known_float,
    root,
    stashed,
    widest,
)
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape


_MOST = 1 << 20
"""Groups whose scales are written out."""


@ADAPTERS.add(("GroupNormalization", 21))
def group_normalization(node: NodeView, tape: Tape) -> Decision:
    """21 -> 20: InstanceNormalization of each group; scale and bias are for each channel.

    Groups are normalized in the float32 that `stash_type` asks for, also where it asks for less;
    bfloat16 is rounded once at the end.
    """
    stash = stashed(node)
    if stash is None:
        return node.refuse(f"stash_type={node.attr_int('stash_type')} is no type of floats")
    return _by_groups(node, tape, stash, per_channel=True)


@ADAPTERS.add(("GroupNormalization", 18))
def group_normalization_of_groups(node: NodeView, tape: Tape) -> Decision:
    """18 -> 17: InstanceNormalization of each group; scale and bias are for each group."""
    return _by_groups(node, tape, node["X"].dtype, per_channel=False)


def _by_groups(node: NodeView, tape: Tape, stage: str | None, *, per_channel: bool) -> Decision:
    x, groups = node["X"], node.attr_int("num_groups", 0)
    for operand in (x, node["scale"], node["bias"]):
        if (refusal := known_float(node, operand)) is not None:
            return refusal
    if (refusal := _misshapen(node, x, groups)) is not None:
        return refusal
    dtype, wide = x.dtype or "", computed_in(stage or "")
    value = as_dtype(x, dtype, wide, tape)
    channels = (x.shape or (None, None))[1]
    in_place = channels == groups and (x.rank or 0) > 2
    if not in_place:
        value = tape.op("Reshape", value, _grouped_shape(x, groups, tape))
    affine = None
    if not per_channel or (in_place and widest((dtype, wide)) == wide):
        affine = [as_dtype(one, one.dtype, wide, tape) for one in (node["scale"], node["bias"])]
    rank = (x.rank or 0) if in_place else 3
    value = _normalized(node, (value, wide), affine, groups, rank, tape)
    if not in_place:
        value = tape.op("Reshape", value, shape_like(x, tape))
    if affine is not None:
        return as_dtype(value, wide, dtype, tape)
    narrow = wide if dtype == "bfloat16" else dtype
    value = as_dtype(value, wide, narrow, tape)
    ones = [1] * ((x.rank or 0) - 2)
    value = tape.op("Mul", value, _column(node["scale"], ones, narrow, tape))
    value = tape.op("Add", value, _column(node["bias"], ones, narrow, tape))
    return as_dtype(value, narrow, dtype, tape)


def _misshapen(node: NodeView, x: Operand, groups: int) -> Refusal | None:
    if x.shape is None:
        return node.refuse_dynamic("the rank of its input")
    channels = x.shape[1] if len(x.shape) > 1 else 0
    if channels is None:  # nothing to hold it against but a number that no model has
        channels = 0 if groups > _MOST else groups
    if groups < 1 or not channels or channels % groups:
        return node.refuse(f"channels of {list(x.shape)} do not make {groups} groups")
    return None


def _grouped_shape(x: Operand, groups: int, tape: Tape) -> str:
    """Instances, groups, and what is in a group; 0 is as many as there were."""
    sizes = (x.shape or ())[1:]
    length = -1 if None in sizes else math.prod(size or 0 for size in sizes) // groups
    return tape.ints([0, groups, length])


def _normalized(
    node: NodeView,
    given: tuple[str, str],
    affine: Sequence[str] | None,
    groups: int,
    rank: int,
    tape: Tape,
) -> str:
    """Without mean and deviation of each instance; of double runtimes have no kernel for that."""
    (value, wide), epsilon = given, node.attr_float("epsilon")
    if wide == "float32":
        if affine is None:
            affine = [tape.const(np.full(groups, one, np.float32)) for one in (1, 0)]
        return tape.op("InstanceNormalization", value, *affine, epsilon=epsilon)
    _, deviation, variance = centered(value, range(2, rank), wide, tape)
    value = tape.op("Div", deviation, root(variance, epsilon, wide, tape))
    if affine is None:
        return value
    shape = tape.ints([-1, *[1] * (rank - 2)])
    scale, bias = (tape.op("Reshape", one, shape) for one in affine)
    return tape.op("Add", tape.op("Mul", value, scale), bias)


def _column(operand: Operand, ones: Sequence[int], dtype: str, tape: Tape) -> str:
    """Values for each channel, as they are broadcast to the input."""
    if not ones:
        return as_dtype(operand, operand.dtype, dtype, tape)
    known = operand.const
    if known is not None:
        return tape.const(known.astype(numpy_dtype(dtype)).reshape(-1, *ones))
    value = as_dtype(operand, operand.dtype, dtype, tape)
    return tape.op("Reshape", value, tape.ints([-1, *ones]))
