"""Scan from 11 to 10: axes count from the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Scan", 11))
def scan(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: negative axes are counted from the front."""
    scanned = node.attr_int("num_scan_inputs", 0)
    states = len(node.inputs) - scanned
    inputs = [one.rank for one in node.inputs[states:]]
    outputs = [one.rank for one in node.outputs[states:]]
    attributes = {}
    for name, ranks in (("scan_input_axes", inputs), ("scan_output_axes", outputs)):
        axes = node.attr_ints(name)
        if axes is None or all(axis >= 0 for axis in axes):
            continue
        if len(axes) != len(ranks) or None in ranks:
            return node.refuse_dynamic(f"the rank that `{name}` counts from the back of")
        pairs = zip(axes, ranks, strict=True)
        attributes[name] = [axis % rank if rank else axis for axis, rank in pairs]
    return Edit(attributes=attributes) if attributes else KEEP
