"""com.ms.internal.nhwc: what layout transformations of onnxruntime write, channels last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._channels_last import channels_first, channels_last, window_rank

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_DOMAIN = "com.ms.internal.nhwc"
_FIRST_ALONE = (
    *("AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "DepthToSpace"),
    *("GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "GridSample", "InstanceNormalization"),
    *("LRN", "LpPool", "MaxPool", "QLinearAveragePool", "QLinearConv", "SpaceToDepth"),
)
"""Whose first input has its channels last, and whose output; all others are as they were."""
_OF_MICROSOFT = ("QLinearAveragePool",)


def between_transposes(node: NodeView, tape: Tape) -> Decision:
    """The operator of ai.onnx with this name between two Transposes."""
    x, *others = node.inputs
    rank = window_rank(node, x)
    if rank is None:
        return node.refuse_dynamic("the rank of its input")
    if any(node.outputs[1:]):
        return node.refuse(f"places in memory that {node.op_type} tells are others there")
    domain = "com.microsoft" if node.op_type in _OF_MICROSOFT else ""
    first = channels_first(tape, x, rank)
    made = tape.op(node.op_type, first, *others, domain=domain, **node.attributes)
    return channels_last(tape, made, rank)


for _name in _FIRST_ALONE:
    SYMBOLICS.add(f"{_DOMAIN}::{_name}")(between_transposes)


@SYMBOLICS.add(f"{_DOMAIN}::Resize")
def resize(node: NodeView, tape: Tape) -> Decision:
    """Resize, whose scales and sizes are in the order of the axes."""
    if len(node.inputs) == 2:
        return node.refuse("it is that of opset 10, which rounds places otherwise")
    return tape.op("Resize", *node.inputs, **node.attributes)
