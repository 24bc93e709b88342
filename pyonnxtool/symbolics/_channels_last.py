"""Operators whose tensors have their channels last: between two Transposes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


def channels_first(tape: Tape, value: str, rank: int) -> str:
    """N, spatial axes, C to N, C, spatial axes."""
    return tape.op("Transpose", value, perm=[0, rank - 1, *range(1, rank - 1)])


def channels_last(tape: Tape, value: str, rank: int) -> str:
    """N, C, spatial axes to N, spatial axes, C."""
    return tape.op("Transpose", value, perm=[0, *range(2, rank), 1])


def window_rank(node: NodeView, *operands: Operand) -> int | None:
    """Rank of what the node slides its window over: by its kernel, or by the first known."""
    kernel = node.attr_ints("kernel_shape")
    if kernel:
        return len(kernel) + 2
    return next((one.rank for one in operands if one and one.rank is not None), None)
