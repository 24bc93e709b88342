"""Indices that count from the front: below opset 11 no other ones are allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.op_schemas import plain_domain
from pyonnxtool.rewriting.operand import home_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pyonnxtool._core import Node
    from pyonnxtool.rewriting.open_sizes import Size, Sizes
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

_COUNTS = {"Shape", "Size", "NonZero", "ArgMax", "ArgMin"}
"""Give sizes, or positions from the front."""
_MOVES = "Identity Reshape Squeeze Unsqueeze Transpose Flatten Gather Slice Expand Tile Cast"
_READS: dict[str, slice] = (
    dict.fromkeys([*_MOVES.split(), "GatherElements", "GatherND"], slice(0, 1))
    | dict.fromkeys(["Concat", "Add", "Mul", "Max", "Min"], slice(None))
    | {"Where": slice(1, None)}
)
"""Give nothing negative when these inputs have nothing negative."""
_DEPTH = 12


def from_the_front(
    tape: Tape, indices: Operand, length: Callable[[], Size | Sequence[Size]], sizes: Sizes
) -> str:
    """The same places, counted from the front of an axis that has this length.

    `length` is asked when it is needed; several sizes are for tuples along the last axis. The
    operand itself where nothing in it can be negative.
    """
    known = indices.const
    if known is not None and not (known < 0).any():
        return indices
    if known is None and never_negative(indices):
        return indices
    size = length()
    numbers = _numbers(size)
    if known is not None and numbers is not None:
        return tape.const(np.where(known < 0, known + numbers.astype(known.dtype), known))
    dtype = indices.dtype or "int64"
    if numbers is not None:
        sized = tape.const(numbers, dtype)
    else:
        sized = sizes.scalar(size) if isinstance(size, str | int) else sizes.joined(size)
        sized = sized if dtype == "int64" else tape.cast(sized, dtype)
    if known is not None:
        return tape.op("Add", indices, tape.op("Mul", tape.const(known < 0, dtype), sized))
    is_negative = tape.op("Less", indices, tape.const(0, dtype))
    return tape.op("Where", is_negative, tape.op("Add", indices, sized), indices)


def _numbers(size: Size | Sequence[Size]) -> NDArray[np.int64] | None:
    if isinstance(size, str):
        return None
    if isinstance(size, int) or all(isinstance(one, int) for one in size):
        return np.array(size, np.int64)
    return None


def never_negative(value: Operand, depth: int = _DEPTH) -> bool:
    """Whether that is certain before the model runs."""
    known = value.const
    if known is not None:
        return known.dtype.kind in "iufb" and not (known < 0).any()
    if (value.dtype or "").startswith(("uint", "bool")):
        return True
    producer = value.producer
    if producer is None:
        return _is_turn(value)
    return depth > 0 and not plain_domain(producer.domain) and _makes_none(producer, value, depth)


def _makes_none(producer: Node, value: Operand, depth: int) -> bool:
    op, inputs = producer.op_type, [value.beside(name) for name in producer.input_names]
    if op in _COUNTS or (op == "TopK" and producer.output_names[0] != value):
        return True
    if op == "Cast" and not (
        inputs and (inputs[0].dtype or "").startswith(("int", "uint", "bool"))
    ):
        return False  # a float may be beyond every integer
    asked: list[Operand] = inputs[_READS[op]] if op in _READS else []
    return bool(asked) and all(never_negative(one, depth - 1) for one in asked)


def _is_turn(value: Operand) -> bool:
    """Whether it is the number of the turn in the body of a Loop."""
    body = home_of(value, value.graph)
    if body is None or body.parent is None or not body.inputs or body.inputs[0].name != value:
        return False
    around = body.parent.nodes
    return any(node.op_type == "Loop" and body in node.subgraphs for node in around)
