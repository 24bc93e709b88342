"""BitShift from 28 to 27 and from 11 to 10: signed integers, and amounts beyond the width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._shifts import shifted
from pyonnxtool.downgrade.dtypes import bits_of, is_integer
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("BitShift", 28))
def of_any_integers(node: NodeView, tape: Tape) -> Decision:
    """28 -> 27: products and quotients, but for constant amounts less than the width."""
    known = node["Y"].const
    dtype = node["X"].dtype or node["Y"].dtype
    if dtype is None or not is_integer(dtype):
        return node.refuse("the element type of `X` is not known")
    if dtype.startswith("u") and known is not None and bool((known < bits_of(dtype)).all()):
        return KEEP
    return shifted(node, dtype, tape)


@ADAPTERS.add(("BitShift", 11))
def by_arithmetic(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: products with, and quotients by, powers of two."""
    dtype = node["X"].dtype or node["Y"].dtype
    if dtype is None or not is_integer(dtype):
        return node.refuse("the element type of `X` is not known")
    return shifted(node, dtype, tape)
