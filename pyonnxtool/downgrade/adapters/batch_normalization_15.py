"""BatchNormalization from 15 to 14, 14 to 13, and 9 to 8."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._standardized import (
    as_dtype,
    centered,
    computed_in,
    known_float,
    widest,
)
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

BEFORE_TRAINING_MODE = 13


@ADAPTERS.add(("BatchNormalization", 15))
def of_one_dtype(node: NodeView, tape: Tape) -> Decision:
    """15 -> 14: scale and bias have the dtype of X again; computed in the wider of the two."""
    if (refusal := _unknown(node)) is not None:
        return refusal
    x, mean = (node.arg(place).dtype or "" for place in (0, 3))
    scale = node.arg(1).dtype or ""
    if x == scale:
        return KEEP
    wide = widest((x, scale))
    return _in_dtypes(node, tape, [wide, wide, wide, mean, mean])


@ADAPTERS.add(("BatchNormalization", 14))
def without_training_mode(node: NodeView, tape: Tape) -> Decision:
    """14 -> 13: no training_mode, one dtype for all; statistics of a batch are computed before."""
    if (refusal := _unknown(node)) is not None:
        return refusal
    if node.attr_int("training_mode"):
        return _training(node, tape)
    if node.out(1) or node.out(2):
        return node.refuse("running statistics are outputs of training_mode only")
    x, mean = (node.arg(place).dtype or "" for place in (0, 3))
    if x == mean:
        return Edit(drop=["training_mode", "momentum"])
    return _in_dtypes(node, tape, [widest((x, mean))] * 5)


@ADAPTERS.add(("BatchNormalization", 9))
def with_a_channel(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: `spatial` is 1 where it is not given; a vector gets the channel it lacks."""
    if node["X"].rank is None:
        return node.refuse_dynamic("the rank of its input")
    if node["X"].rank != 1:
        return KEEP
    if any(node.outputs[1:]):
        return node.refuse("it trains, on a vector")
    value = tape.op("Unsqueeze", node["X"], axes=[1])
    value = tape.op(
        "BatchNormalization", value, *node.inputs[1:], epsilon=node.attr_float("epsilon")
    )
    return tape.op("Squeeze", value, axes=[1])


def _unknown(node: NodeView) -> Refusal | None:
    if len(node.inputs) != 5:
        return node.refuse(f"it has {len(node.inputs)} inputs, not 5")
    found = (known_float(node, one) for one in node.inputs)
    return next((refusal for refusal in found if refusal is not None), None)


def _in_dtypes(node: NodeView, tape: Tape, dtypes: list[str]) -> Decision:
    """The same node on operands of these dtypes, its outputs cast back."""
    inputs = [
        as_dtype(one, one.dtype, dtype, tape)
        for one, dtype in zip(node.inputs, dtypes, strict=True)
    ]
    training = ("training_mode", "momentum") if tape.opset == BEFORE_TRAINING_MODE else ()
    kept = {name: value for name, value in node.attributes.items() if name not in training}
    wished = [bool(one) for one in node.outputs]
    outputs = tape.many(node.op_type, *inputs, outputs=wished, **kept)
    wanted = (node.arg(0), node.arg(3), node.arg(3))
    made = zip(outputs, (dtypes[0], *dtypes[3:]), wanted, strict=False)
    return [
        as_dtype(one, dtype, like.dtype or "", tape) if one else "" for one, dtype, like in made
    ]


def _training(node: NodeView, tape: Tape) -> Decision:
    """Mean and variance of the batch, with which it is normalized as in inference.

    Statistics are computed in float32, or in float64 where an operand is that, as the text says
    that float16 is.
    """
    x = node.arg(0)
    if x.rank is None:
        return node.refuse_dynamic("the rank of its input")
    wide = computed_in(widest([one.dtype or "" for one in node.inputs]))
    values = [as_dtype(one, one.dtype, wide, tape) for one in node.inputs]
    axes = [axis for axis in range(x.rank) if axis != 1]
    mean, _, variance = centered(values[0], axes, wide, tape)
    mean, variance = (tape.op("Reshape", one, tape.ints([-1])) for one in (mean, variance))
    y = tape.op(
        "BatchNormalization", *values[:3], mean, variance, epsilon=node.attr_float("epsilon")
    )
    made = [as_dtype(y, wide, x.dtype or "", tape)]
    kept = np.float32(node.attr_float("momentum"))
    for place, (running, current) in enumerate(((3, mean), (4, variance)), 1):
        if not node.out(place):
            made.append("")
            continue
        old = tape.op("Mul", values[running], tape.const(kept, wide))
        new = tape.op("Mul", current, tape.const(np.float32(1) - kept, wide))
        made.append(as_dtype(tape.op("Add", old, new), wide, node.arg(3).dtype or "", tape))
    return made
