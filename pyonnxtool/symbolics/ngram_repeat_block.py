"""Tokens that would repeat a sequence of com.microsoft's text generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._floats import not_float

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_END = 2**31 - 1


@SYMBOLICS.add("com.microsoft::NGramRepeatBlock")
def ngram_repeat_block(node: NodeView, tape: Tape) -> Decision:
    """ScatterElements of -inf where the last tokens are those before an older one."""
    ids, scores = node.inputs[:2]
    size = node.attr_int("ngram_size")
    if (refusal := not_float(node, scores)) is not None:
        return refusal
    if size < 1:
        return node.refuse(f"ngram_size={size} is less than 1")
    one, zero = tape.ints([1]), tape.ints([0])
    room = tape.op("Sub", tape.op("Shape", ids, start=1, end=2), tape.ints([size - 1]))
    count = tape.op("Max", room, zero)
    following = tape.op("Slice", ids, tape.ints([size - 1]), tape.ints([_END]), one)
    banned = tape.const(np.array(-np.inf), scores.dtype)
    kept = tape.const(np.array(np.inf), scores.dtype)
    limits = tape.op("Expand", banned, tape.op("Shape", following))
    for place in range(size - 1):
        start = tape.ints([place])
        older = tape.op("Slice", ids, start, tape.op("Add", count, start), one)
        back = place - size + 1
        newest = tape.op("Slice", ids, tape.ints([back]), tape.ints([back + 1 or _END]), one)
        limits = tape.op("Where", tape.op("Equal", older, newest), limits, kept)
    places = tape.cast(following, "int64")
    return tape.op("ScatterElements", scores, places, limits, axis=1, reduction="min")
