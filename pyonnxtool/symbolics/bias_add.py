"""Sums with a bias of com.microsoft, and what is fused after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_DEFAULT_RATIO = 0.5


@SYMBOLICS.add("com.microsoft::BiasAdd")
def bias_add(node: NodeView, tape: Tape) -> Decision:
    """Add of the bias, then of the residual."""
    return tape.op("Add", tape.op("Add", node.inputs[0], node.inputs[1]), node.inputs[2])


@SYMBOLICS.add("com.microsoft::BiasSoftmax")
def bias_softmax(node: NodeView, tape: Tape) -> Decision:
    """Add, then Softmax over all axes from `axis` on."""
    x, axis = node.inputs[0], node.attr_int("axis", 1)
    if x.rank is None and axis != -1:
        return node.refuse_dynamic("the rank of its input")
    if x.rank is not None and not -x.rank <= axis < x.rank:
        return node.refuse(f"axis={axis} is outside the rank")
    summed = tape.op("Add", x, node.inputs[1])
    if axis == -1 or axis == (x.rank or 0) - 1:
        return tape.op("Softmax", summed, axis=-1)
    weights = tape.op("Softmax", tape.op("Flatten", summed, axis=axis), axis=-1)
    return tape.op("Reshape", weights, tape.op("Shape", x))


@SYMBOLICS.add("com.microsoft::BiasDropout")
@SYMBOLICS.add("com.microsoft::BitmaskBiasDropout")
def bias_dropout(node: NodeView, tape: Tape) -> Decision:
    """Add of the bias, then of the residual; nothing is dropped."""
    if (refusal := _drops(node, 3)) is not None:
        return refusal
    summed = tape.op("Add", node.inputs[0], node.inputs[1])
    if node.arg(2):
        summed = tape.op("Add", summed, node.arg(2))
    return summed, _mask(node, tape)


@SYMBOLICS.add("com.microsoft::BitmaskDropout")
def bitmask_dropout(node: NodeView, tape: Tape) -> Decision:
    """The input itself: nothing is dropped."""
    return _drops(node, 1) or node.inputs[0]


def _drops(node: NodeView, place: int) -> Refusal | None:
    """Why the node may not be the identity: `ratio` is at the place, `training_mode` follows."""
    ratio, training = node.arg(place), node.arg(place + 1)
    if node.out(1) and node.op_type.startswith("Bitmask"):
        return node.refuse("its mask of bits is read")
    if not training or ((known := training.const) is not None and not known.any()):
        return None
    share = ratio.const if ratio else np.array(_DEFAULT_RATIO)
    if share is not None and not share.any():
        return None
    return node.refuse("it drops elements at random", "export the model for inference")


def _mask(node: NodeView, tape: Tape) -> str:
    """What was not dropped: everything."""
    if not node.out(1):
        return ""
    shape = tape.op("Shape", node.inputs[0])
    return tape.op("ConstantOfShape", shape, value=np.array([True]))
