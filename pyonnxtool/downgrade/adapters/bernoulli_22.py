"""Bernoulli from 22 to 21, which takes no probabilities of bfloat16."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP, Edit
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Bernoulli", 22))
def bernoulli(node: NodeView, tape: Tape) -> Decision:
    """22 -> 21: the type that it gives is told where the probabilities will be of another."""
    dtype = node["input"].dtype
    if dtype != "bfloat16" or node.given("dtype"):
        return KEEP
    return Edit(attributes={"dtype": elem_type(dtype)})
