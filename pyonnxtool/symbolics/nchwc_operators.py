"""Operators of com.microsoft.nchwc: onnxruntime's convolutions with channels in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._activation import activated
from pyonnxtool.symbolics._attributes import carried
from pyonnxtool.symbolics._blocked import block_here, turned_back
from pyonnxtool.symbolics._channels_last import channels_first, channels_last
from pyonnxtool.symbolics._sizes import size_of
from pyonnxtool.symbolics._weights import weights

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_NCHWC = "com.microsoft.nchwc::"
_RANK = 4


@SYMBOLICS.add(f"{_NCHWC}Conv")
def conv(node: NodeView, tape: Tape) -> Decision:
    """Conv, then the sum with Z and the activation; weights as they were before the blocks."""
    x, w = node.inputs[:2]
    known = w.const
    if known is None:
        return node.refuse_dynamic("its weights, which are in blocks,")
    block, group = block_here(), node.attr_int("group", 1)
    inner = known.shape[1]
    whole = known.ndim == _RANK and known.shape[0] % block == 0
    if not whole or not (inner % block == 0 or (group == 1 and inner < block) or inner == 1):
        return node.refuse(
            f"its weights are not in blocks of {block}, as they are on this processor",
            "lower it on one like that on which it was optimized",
        )
    plain = weights(tape, turned_back(known, group, block), "float32")
    made = tape.op("Conv", x, plain, node.arg(2), **carried(node))
    if node.arg(3):
        made = tape.op("Add", made, node.arg(3))
    return activated(node, tape, made)


@SYMBOLICS.add(f"{_NCHWC}MaxPool")
@SYMBOLICS.add(f"{_NCHWC}AveragePool")
@SYMBOLICS.add(f"{_NCHWC}GlobalMaxPool")
@SYMBOLICS.add(f"{_NCHWC}GlobalAveragePool")
def pool(node: NodeView, tape: Tape) -> Decision:
    """The operator of ai.onnx with this name."""
    return tape.op(node.op_type, node.inputs[0], **node.attributes)


@SYMBOLICS.add(f"{_NCHWC}Upsample")
def upsample(node: NodeView, tape: Tape) -> Decision:
    """Resize."""
    scales = node.attr_ints("scales") or ()
    mode = node.attr_str("mode", "nearest")
    return tape.op(
        "Resize",
        node.inputs[0],
        "",
        tape.const([float(one) for one in scales], "float32"),
        mode=mode,
        coordinate_transformation_mode=node.attr_str(
            "coordinate_transformation_mode", "asymmetric"
        ),
        nearest_mode="floor" if mode == "nearest" else None,
    )


@SYMBOLICS.add(f"{_NCHWC}ReorderInput")
def reorder_input(node: NodeView, tape: Tape) -> Decision:
    """Pad of the channels to a whole number of blocks."""
    x = node.inputs[0]
    last = node.attr_int("channels_last", 0)
    channels, block = size_of(x, _RANK - 1 if last else 1), block_here()
    value = channels_first(tape, x, _RANK) if last else x
    if channels.known is not None and channels.known % block == 0:
        return value
    if channels.known is not None:
        more = tape.ints([-channels.known % block])
    else:
        more = tape.op("Mod", tape.op("Neg", channels.vector(tape)), tape.ints([block]))
    ends = tape.op("Concat", tape.ints([0] * (_RANK + 1)), more, tape.ints([0, 0]), axis=0)
    return tape.op("Pad", value, ends)


@SYMBOLICS.add(f"{_NCHWC}ReorderOutput")
def reorder_output(node: NodeView, tape: Tape) -> Decision:
    """Slice of the channels that there were before."""
    value: str = node.inputs[0]
    channels = node.attr_int("channels", 0)
    if size_of(node.inputs[0], 1).known != channels:
        value = tape.op("Slice", value, tape.ints([0]), tape.ints([channels]), tape.ints([1]))
    return channels_last(tape, value, _RANK) if node.attr_int("channels_last", 0) else value
