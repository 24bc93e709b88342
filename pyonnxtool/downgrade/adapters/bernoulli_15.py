"""Bernoulli from 15 to 14: a uniform number below the probability.

The function body of the schema compares the other way round: it gives one with the probability of
zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Bernoulli", 15))
def bernoulli(node: NodeView, tape: Tape) -> Decision:
    """15 -> 14: whether RandomUniformLike is less than the probability."""
    probability = node["input"]
    known = node.out().dtype or probability.dtype
    if probability.dtype is None or known is None:
        return node.refuse("the element type of `input` is not known")
    value: str = probability
    if probability.dtype == "float16":  # a number of few bits is one too often
        value = tape.cast(probability, "float32")
    dtype = elem_type("float64" if probability.dtype == "float64" else "float32")
    seed = node.attr("seed")
    drawn = tape.op("RandomUniformLike", value, low=0.0, high=1.0, dtype=dtype, seed=seed)
    return tape.cast(tape.op("Less", drawn, value), known)
