"""What operators of non-maximum suppression share: thresholds to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

EVERY = np.iinfo(np.int64).max
"""Boxes that may be selected where nothing limits them."""
_INFINITE = np.float32(np.inf)
_CAST = ("float16", "bfloat16", "float32")


def compared(node: NodeView, *operands: Operand) -> Refusal | None:
    """The refusal where float32, as NonMaxSuppression takes it, would lose bits of an operand."""
    for operand in operands:
        if operand.dtype is None:
            return node.refuse_dynamic("the type of its inputs")
        if operand.dtype not in _CAST:
            return node.refuse(f"it compares {operand.dtype}, and NonMaxSuppression float32")
    return None


def as_float32(tape: Tape, value: str, dtype: str | None) -> str:
    """The value, cast where it is of another type."""
    return value if dtype == "float32" else tape.cast(value, "float32")


def greatest_not_above(threshold: float) -> np.float32:
    """The float32 that floats are greater than whenever they are greater than the double."""
    near = np.float32(threshold)
    return near if float(near) <= threshold else np.float32(np.nextafter(near, -_INFINITE))


def just_below(threshold: float) -> np.float32:
    """The float32 that floats are greater than whenever they are at least the float32."""
    return np.float32(np.nextafter(np.float32(threshold), -_INFINITE))


def as_threshold(tape: Tape, threshold: float | str) -> str:
    """A number, or a value that the run computes, as NonMaxSuppression takes it."""
    if isinstance(threshold, str):
        return tape.op("Reshape", tape.cast(threshold, "float32"), tape.ints([1]))
    return tape.const(greatest_not_above(threshold).reshape(1))


def ordered(tape: Tape, boxes: str, more: float = 0.0) -> str:
    """Boxes whose last corner is not before the first, sides `more` longer; none covers others.

    Where torchvision's is before it, a box covers nothing and nothing covers it, as it is with one
    without an area. NonMaxSuppression would take its corners in the right order instead.
    """
    first, last = tape.many("Split", boxes, outputs=2, axis=-1, num_outputs=2)
    if more:
        last = tape.op("Add", last, tape.const(more, "float32"))
    return tape.op("Concat", first, tape.op("Max", first, last), axis=-1)


def kept(tape: Tape, boxes: str, scores: str, threshold: str, *, above: str = "") -> str:
    """Boxes of [N, 4] that no better one of their class covers: [K], best first in each class.

    `scores` are [N], or [classes, N]; of them only those `above` a threshold count.
    """
    front = [0] if above else [0, 1]
    selected = tape.op(
        "NonMaxSuppression",
        tape.op("Unsqueeze", boxes, tape.ints([0])),
        tape.op("Unsqueeze", scores, tape.ints(front)),
        tape.ints([EVERY]),
        threshold,
        above,
    )
    return tape.op("Gather", selected, tape.const(2, "int64"), axis=1)
