"""Round from 11 to 10: to the nearest integer, halves to the even one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters import ADAPTERS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Round", 11))
def half_to_even(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: what is beyond the even number below decides whether 0, 1 or 2 are added.

    No step rounds, so that halves are seen as such. Minus zero becomes zero.
    """
    x = node["X"]
    if x.dtype is None:
        return node.refuse("the element type of `X` is not known")
    dtype = x.dtype
    size = tape.op("Abs", x)
    half = tape.const(0.5, dtype)
    pairs = tape.op("Floor", tape.op("Mul", size, half))
    even = tape.op("Mul", pairs, tape.const(2, dtype))
    beyond = tape.op("Sub", size, even)
    one = tape.cast(tape.op("Greater", beyond, half), dtype)
    below = tape.op("Less", beyond, tape.const(1.5, dtype))
    two = tape.cast(tape.op("Not", below), dtype)
    rounded = tape.op("Add", even, tape.op("Add", one, two))
    return tape.op("Mul", tape.op("Sign", x), rounded)
