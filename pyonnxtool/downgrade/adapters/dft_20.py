"""DFT from 20 to 19: `axis` goes back from an input to an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._fourier import scalar
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_LAST_SIGNAL_AXIS = -2
"""The default; below, it is the first one behind the batch."""


@ADAPTERS.add(("DFT", 20))
def dft(node: NodeView, tape: Tape) -> Decision:
    """20 -> 19: `axis` goes back from an input to an attribute."""
    axis = scalar(node, "axis") if node.has("axis") else _LAST_SIGNAL_AXIS
    if axis is None:
        return node.refuse_dynamic("`axis`")
    rank = node.rank("input")
    if axis < 0 and rank is not None:
        axis += rank
    return Edit(attributes={"axis": axis}, inputs=node.inputs[:2])
