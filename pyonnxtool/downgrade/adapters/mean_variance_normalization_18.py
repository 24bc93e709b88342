"""MeanVarianceNormalization from 18 to 17, where its schema is the same.

Since 13 the schema's function body reads `axes` from the node itself: the onnx checker, which looks
into that body, takes no node that leaves `axes` at its default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewrite.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewrite.decision import Decision
    from pyonnxtool.rewrite.node_view import NodeView
    from pyonnxtool.rewrite.tape import Tape


@ADAPTERS.add(("MeanVarianceNormalization", 18))
def with_axes(node: NodeView, _tape: Tape) -> Decision:
    """18 -> 17: `axes` is written out where it is the default, for the onnx checker."""
    if node.given("axes"):
        return KEEP
    return Edit(attributes={"axes": node.attr_ints("axes") or []})
