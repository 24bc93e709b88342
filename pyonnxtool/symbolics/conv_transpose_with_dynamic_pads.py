"""ConvTransposeWithDynamicPads of com.microsoft: a border that is an input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._channels_last import window_rank

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::ConvTransposeWithDynamicPads")
def conv_transpose_with_dynamic_pads(node: NodeView, tape: Tape) -> Decision:
    """ConvTranspose; of a border that is computed: without one, then Slice."""
    x, w, pads, bias = node.inputs[0], node.inputs[1], node.arg(2), node.arg(3)
    known = pads.const if pads else None
    automatic = node.attr_str("auto_pad", "NOTSET") != "NOTSET"
    if not pads or known is not None or automatic:
        ends = None if known is None or automatic else [int(one) for one in known.ravel()]
        return tape.op("ConvTranspose", x, w, bias, pads=ends, **node.attributes)
    rank = window_rank(node, x, w)
    if rank is None:
        return node.refuse_dynamic("the rank of its input")
    whole = tape.op("ConvTranspose", x, w, bias, **node.attributes)
    flat = tape.op("Reshape", pads, tape.ints([-1]))
    starts, ends_ = tape.many("Split", flat, outputs=2, axis=0, num_outputs=2)
    sizes = tape.op("Shape", whole, start=2)
    axes = tape.ints(range(2, rank))
    return tape.op("Slice", whole, starts, tape.op("Sub", sizes, ends_), axes)
