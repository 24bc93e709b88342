"""NhwcConv, NhwcFusedConv, NhwcMaxPool and QLinearConv of com.microsoft: channels last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._activation import activated
from pyonnxtool.symbolics._attributes import carried
from pyonnxtool.symbolics._channels_last import channels_first, channels_last, window_rank

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::NhwcConv")
@SYMBOLICS.add("com.microsoft::NhwcFusedConv")
def nhwc_conv(node: NodeView, tape: Tape) -> Decision:
    """Conv between two Transposes, then the sum with Z and the activation."""
    rank = window_rank(node, *node.inputs[:2])
    if rank is None:
        return node.refuse_dynamic("the rank of its input")
    x = channels_first(tape, node.inputs[0], rank)
    made = tape.op("Conv", x, node.inputs[1], node.arg(2), **carried(node))
    if node.arg(3):
        made = tape.op("Add", made, channels_first(tape, node.arg(3), rank))
    last = activated(node, tape, made)
    return last if isinstance(last, Refusal) else channels_last(tape, last, rank)


@SYMBOLICS.add("com.microsoft::NhwcMaxPool")
def nhwc_max_pool(node: NodeView, tape: Tape) -> Decision:
    """MaxPool between two Transposes."""
    rank = window_rank(node, node.inputs[0])
    if rank is None:
        return node.refuse_dynamic("the rank of its input")
    made = tape.op("MaxPool", channels_first(tape, node.inputs[0], rank), **carried(node))
    return channels_last(tape, made, rank)


@SYMBOLICS.add("com.microsoft::QLinearConv")
def qlinear_conv(node: NodeView, tape: Tape) -> Decision:
    """QLinearConv of ai.onnx, between two Transposes where its channels are last."""
    x, *others = node.inputs
    if not node.attr_int("channels_last", 0):
        return tape.op("QLinearConv", x, *others, **carried(node))
    rank = window_rank(node, x, node.inputs[3])
    if rank is None:
        return node.refuse_dynamic("the rank of its input")
    made = tape.op("QLinearConv", channels_first(tape, x, rank), *others, **carried(node))
    return channels_last(tape, made, rank)
