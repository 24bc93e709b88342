"""Gemm from 11 to 10: the sum needs a third operand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP, Edit

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Gemm", 11))
def with_sum(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: a zero is added where `C` is omitted."""
    if node.has("C"):
        return KEEP
    a, b = node["A"], node["B"]
    dtype = a.dtype or b.dtype or node.out().dtype
    if dtype is None:
        return node.refuse("the element type of `A` is not known")
    return Edit(inputs=[a, b, tape.const([0], dtype)])
