"""Operators that com.microsoft had first, and that ai.onnx has with small differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._scalars import scalar

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_SAMPLING = {"bilinear": "linear", "nearest": "nearest", "bicubic": "cubic"}


@SYMBOLICS.add("com.microsoft::GatherND")
def gather_nd(node: NodeView, tape: Tape) -> Decision:
    """GatherND."""
    data, indices = node.inputs[:2]
    return tape.op("GatherND", data, tape.cast(indices, "int64"))


@SYMBOLICS.add("com.microsoft::TorchEmbedding")
def torch_embedding(node: NodeView, tape: Tape) -> Decision:
    """Gather; its padding and frequencies matter to gradients alone."""
    return tape.op("Gather", node.inputs[0], node.inputs[1], axis=0)


@SYMBOLICS.add("com.microsoft::ExpandDims")
def expand_dims(node: NodeView, tape: Tape) -> Decision:
    """Unsqueeze."""
    axis = tape.op("Reshape", tape.cast(node.inputs[1], "int64"), tape.ints([1]))
    known = node.inputs[1].const
    return tape.op(
        "Unsqueeze", node.inputs[0], axis if known is None else tape.ints([known.item()])
    )


@SYMBOLICS.add("com.microsoft::Pad")
def pad(node: NodeView, tape: Tape) -> Decision:
    """Pad."""
    data, pads = node.inputs[:2]
    ends = pads if pads.rank == 1 else tape.op("Reshape", pads, tape.ints([-1]))
    return tape.op(
        "Pad", data, ends, scalar(tape, node.arg(2)), mode=node.attr_str("mode", "constant")
    )


@SYMBOLICS.add("com.microsoft::Unique")
def unique(node: NodeView, tape: Tape) -> Decision:
    """Unique, in the order in which they occur."""
    wanted = [True, False, *(bool(node.out(place)) for place in (1, 2))]
    made = tape.many("Unique", node.inputs[0], outputs=wanted, sorted=0)
    return made[0], made[2], made[3]


@SYMBOLICS.add("com.microsoft::Range")
def range_(node: NodeView, tape: Tape) -> Decision:
    """Range."""
    start, limit = node.inputs[:2]
    step = scalar(tape, node.arg(2))
    if not step:
        dtype = start.dtype or limit.dtype
        if dtype is None:
            return node.refuse_dynamic("the type of its operands")
        step = tape.const(1, dtype)
    return tape.op("Range", scalar(tape, start), scalar(tape, limit), step)


@SYMBOLICS.add("com.microsoft::Trilu")
def trilu(node: NodeView, tape: Tape) -> Decision:
    """Trilu."""
    return tape.op("Trilu", node.inputs[0], node.arg(1), upper=node.attr_int("upper", 1))


@SYMBOLICS.add("com.microsoft::GridSample")
def grid_sample(node: NodeView, tape: Tape) -> Decision:
    """GridSample."""
    mode = node.attr_str("mode", "bilinear")
    if mode not in _SAMPLING:
        return node.refuse(f"its mode {mode!r} is not known")
    return tape.op(
        "GridSample",
        *node.inputs[:2],
        mode=_SAMPLING[mode],
        align_corners=node.attr_int("align_corners", 0),
        padding_mode=node.attr_str("padding_mode", "zeros"),
    )
