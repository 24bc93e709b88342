"""Upsample from 9 to 8: `scales` go back from an input to an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Upsample", 9))
def upsample(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: `scales` go back from an input to an attribute."""
    scales = node.const("scales")
    if scales is None:
        return node.refuse_dynamic("`scales`")
    return Edit(attributes={"scales": [float(one) for one in scales.ravel()]}, inputs=[node["X"]])
