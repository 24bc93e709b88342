"""Rfft and Irfft of com.microsoft: real and imaginary parts are the last axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape


@SYMBOLICS.add("com.microsoft::Rfft")
def rfft(node: NodeView, tape: Tape) -> Decision:
    """DFT of the last axis."""
    if (refusal := _refusal(node)) is not None:
        return refusal
    real = tape.op("Unsqueeze", node.inputs[0], tape.ints([-1]))
    return tape.op("DFT", real, "", tape.const(np.array(-2, np.int64)), onesided=1)


@SYMBOLICS.add("com.microsoft::Irfft")
def irfft(node: NodeView, tape: Tape) -> Decision:
    """DFT back, of the frequencies and, conjugated, the same from the last but one down."""
    if (refusal := _refusal(node)) is not None:
        return refusal
    x, dtype = node.inputs[0], node.inputs[0].dtype or node.out().dtype
    if dtype is None:
        return node.refuse_dynamic("the type of its input")
    axes = tape.ints([-2])
    middle = tape.op("Slice", x, tape.ints([-2]), tape.ints([0]), axes, tape.ints([-1]))
    mirrored = tape.op("Mul", middle, tape.const([1, -1], dtype))
    whole = tape.op("Concat", x, mirrored, axis=-2)
    made = tape.op("DFT", whole, "", tape.const(np.array(-2, np.int64)), inverse=1)
    real = tape.op("Slice", made, tape.ints([0]), tape.ints([1]), tape.ints([-1]))
    return tape.op("Squeeze", real, tape.ints([-1]))


def _refusal(node: NodeView) -> Refusal | None:
    wanted = {"signal_ndim": 1, "normalized": 0, "onesided": 1}
    for name, value in wanted.items():
        if node.attr_int(name, value) != value:
            return node.refuse(f"its {name}={node.attr_int(name)}, where {value} alone is defined")
    return None
