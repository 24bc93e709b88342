"""Where from 9 to 8, without arithmetic on the values: a NaN that is not picked leaves no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._flat_places import own_places, strides
from pyonnxtool.rewriting.open_sizes import Size, Sizes

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("Where", 9))
def where(node: NodeView, tape: Tape) -> Decision:
    """9 -> 8: logic on bools, products of integers, else a Gather from both."""
    dtype, rank = node["X"].dtype, node["condition"].rank
    if dtype == "bool":
        return _of_bools(node, tape)
    if dtype in ("int32", "int64", "uint32", "uint64"):
        return _of_integers(node, tape, dtype)
    if rank is not None and _is_single(node["X"], rank) and _is_single(node["Y"], rank):
        return _of_numbers(node, tape)
    if node["X"].rank is None or node["Y"].rank is None:
        return node.refuse_dynamic("the rank of what it picks from")
    return _picked(node, tape)


def _of_bools(node: NodeView, tape: Tape) -> Decision:
    condition = node["condition"]
    first = tape.op("And", condition, node["X"])
    return tape.op("Or", first, tape.op("And", tape.op("Not", condition), node["Y"]))


def _of_integers(node: NodeView, tape: Tape, dtype: str) -> Decision:
    chosen = tape.cast(node["condition"], dtype)
    other = tape.cast(tape.op("Not", node["condition"]), dtype)
    return tape.op("Add", tape.op("Mul", chosen, node["X"]), tape.op("Mul", other, node["Y"]))


def _is_single(value: Operand, rank: int) -> bool:
    shape = value.static_shape
    return shape is not None and set(shape) <= {1} and len(shape) <= rank


def _of_numbers(node: NodeView, tape: Tape) -> Decision:
    """One number for true, one for false: the condition is the place."""
    first, second = node["X"].const, node["Y"].const
    if first is not None and second is not None:
        both = tape.const(np.concatenate([second.reshape(1), first.reshape(1)]))
    else:
        parts = [tape.op("Reshape", node[name], tape.ints([1])) for name in ("Y", "X")]
        both = tape.op("Concat", *parts, axis=0)
    return tape.op("Gather", both, tape.cast(node["condition"], "int32"), axis=0)


def _picked(node: NodeView, tape: Tape) -> Decision:
    """Of both in one row: places in it are integers, and those can be computed with."""
    sizes = Sizes(tape)
    condition, first, second = node["condition"], node["X"], node["Y"]
    rows = [tape.op("Reshape", one, tape.ints([-1])) for one in (first, second)]
    behind = sizes.product(sizes.all(first))
    chosen = tape.op("Mul", tape.cast(condition, "int64"), _places(tape, sizes, first, 0))
    other = tape.cast(tape.op("Not", condition), "int64")
    other = tape.op("Mul", other, _places(tape, sizes, second, behind))
    both = tape.op("Concat", *rows, axis=0)
    return tape.op("Gather", both, tape.op("Add", chosen, other), axis=0)


def _places(tape: Tape, sizes: Sizes, value: Operand, start: Size) -> str:
    shape = sizes.all(value)
    found = own_places(tape, sizes, shape, strides(sizes, shape), start=start)
    return found or tape.const(np.zeros([1] * len(shape), np.int64))
