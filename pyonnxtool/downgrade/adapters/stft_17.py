"""STFT from 17 to 16: it is new, and becomes a Conv."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._fourier import COMPLEX, computed_in, matrix, scalar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("STFT", 17))
def stft(node: NodeView, tape: Tape) -> Decision:
    """17 -> 16: becomes a Conv with cosines and sines, which takes each frame."""
    signal, shape = node["signal"], node["signal"].shape
    if shape is None or len(shape) != 3 or shape[2] not in (1, COMPLEX) or signal.dtype is None:
        return node.refuse_dynamic("whether its signal is complex")
    step, length = scalar(node, "frame_step"), _frame_length(node)
    if step is None or length is None:
        return node.refuse_dynamic("the step or the length of its frames")
    if step < 1 or not 1 <= length <= (length if shape[1] is None else shape[1]):
        return node.refuse(f"its signal has no frames of {length} at steps of {step}")
    table = matrix(length, int(shape[2] or 1), length, onesided=bool(node.attr_int("onesided")))
    if computed_in(signal.dtype) == "float32":
        return _convolved(node, tape, table, step)
    if shape[1] is None:
        return node.refuse_dynamic("the length of its signal")
    return _gathered(node, tape, table, step, shape[1])


def _frame_length(node: NodeView) -> int | None:
    if node.has("frame_length"):
        return scalar(node, "frame_length")
    if node.has("window"):
        return (node["window"].shape or (None,))[0]
    return (node["signal"].shape or (None, None))[1]


def _convolved(node: NodeView, tape: Tape, table: NDArray[np.float64], step: int) -> str:
    """Frames lie along the last axis of a Conv; bins and their parts are its channels."""
    length, parts, bins, made = table.shape
    filters = table.transpose(2, 3, 1, 0).reshape(bins * made, parts, length)
    weights = _windowed(node, tape, filters)
    signal = tape.op("Transpose", _in_float32(node["signal"], tape), perm=[0, 2, 1])
    found = tape.op("Conv", signal, weights, strides=[step])
    found = tape.op("Transpose", found, perm=[0, 2, 1])
    found = tape.op("Reshape", found, tape.ints([0, 0, bins, made]))
    dtype = node["signal"].dtype or "float32"
    return found if dtype == "float32" else tape.cast(found, dtype)


def _windowed(node: NodeView, tape: Tape, filters: NDArray[np.float64]) -> str:
    window = node["window"]
    if window.const is not None:
        return tape.const(filters * window.const.astype(np.float64), "float32")
    weights = tape.const(filters, "float32")
    return tape.op("Mul", weights, _in_float32(window, tape)) if window else weights


def _in_float32(value: Operand, tape: Tape) -> str:
    return value if value.dtype == "float32" else tape.cast(value, "float32")


def _gathered(node: NodeView, tape: Tape, table: NDArray[np.float64], step: int, size: int) -> str:
    """For float64, of which runtimes have no Conv."""
    length, parts, bins, made = table.shape
    starts = np.arange((size - length) // step + 1) * step
    places = starts[:, None] + np.arange(length)
    found = tape.op("Gather", node["signal"], tape.const(places, "int64"), axis=1)
    if node.has("window"):
        column = tape.op("Reshape", node["window"], tape.ints([length, 1]))
        found = tape.op("Mul", found, column)
    found = tape.op("Reshape", found, tape.ints([0, 0, length * parts]))
    flat = tape.const(table.reshape(length * parts, bins * made), "float64")
    found = tape.op("MatMul", found, flat)
    return tape.op("Reshape", found, tape.ints([0, 0, bins, made]))
