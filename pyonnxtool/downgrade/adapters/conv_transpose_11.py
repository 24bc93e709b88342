"""ConvTranspose from 11 to 10, where the odd element of computed padding is at the other end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting import Refusal
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("ConvTranspose", 11))
def conv_transpose(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: padding that is computed from the output's shape is written down."""
    auto_pad = node.attr_str("auto_pad")
    if not auto_pad.startswith("SAME") and not node.given("output_shape"):
        return KEEP
    totals = _totals(node)
    if not isinstance(totals, list):
        return totals
    half = [max(0, one) // 2 for one in totals]
    rest = [max(0, one) - less for one, less in zip(totals, half, strict=True)]
    pads = [*half, *rest] if auto_pad == "SAME_UPPER" else [*rest, *half]
    given = node.attr_ints("output_padding") or [0] * len(totals)
    beyond = [old + max(0, -one) for old, one in zip(given, totals, strict=True)]
    attributes = {"pads": pads} | ({"output_padding": beyond} if any(beyond) else {})
    return Edit(drop=["auto_pad", "output_shape"], attributes=attributes)


def _totals(node: NodeView) -> list[int] | Refusal:
    """All padding of each spatial axis."""
    weights, shape = node.arg(1).shape, node.arg(0).shape
    kernel = node.attr_ints("kernel_shape") or (weights and weights[2:])
    if kernel is None or None in kernel:
        return node.refuse_dynamic("the shape of the kernel")
    rank = len(kernel)
    strides = node.attr_ints("strides") or [1] * rank
    dilations = node.attr_ints("dilations") or [1] * rank
    beyond = node.attr_ints("output_padding") or [0] * rank
    wanted = node.attr_ints("output_shape")
    sizes = [None] * rank if shape is None else list(shape[2:])
    if {len(strides), len(dilations), len(beyond), len(sizes), len(wanted or sizes)} != {rank}:
        return node.refuse("its attributes are not of one length")
    found = []
    for at in range(rank):
        extent = ((kernel[at] or 0) - 1) * dilations[at] + 1
        size = sizes[at]
        if wanted is None:  # as many as strides times the size
            found.append(max(0, beyond[at] + extent - strides[at]))
        elif size is None:
            return node.refuse_dynamic(f"the size of axis {at + 2}")
        else:
            found.append(strides[at] * (size - 1) + beyond[at] + extent - wanted[at])
    return found
