"""QEmbedLayerNormalization of com.microsoft: the embeddings of BERT from quantized tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._quantized import dequantized, number
from pyonnxtool.symbolics._sizes import size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_IDS, _SEGMENT_IDS, _WORDS, _POSITIONS, _SEGMENTS, _GAMMA, _BETA, _MASK = range(8)
_TO_SCALE = 6
"""From a table to its scale."""
_TO_ZERO = 11
"""From a table to its zero point."""
_EPSILON = 1e-12


@SYMBOLICS.add("com.microsoft::QEmbedLayerNormalization")
def qembed_layer_normalization(node: NodeView, tape: Tape) -> Decision:
    """Gather and DequantizeLinear of each embedding, Add, then LayerNormalization."""
    ids = node.inputs[_IDS]
    words = tape.op("Gather", node.inputs[_WORDS], ids, axis=0)
    length, zero = size_of(ids, 1).vector(tape), tape.ints([0])
    positions = tape.op("Slice", node.inputs[_POSITIONS], zero, length, zero)
    summed = _floats(node, tape, _WORDS, words)
    if node.arg(_SEGMENTS):
        segments = tape.op("Gather", node.arg(_SEGMENTS), node.arg(_SEGMENT_IDS), axis=0)
        summed = tape.op("Add", summed, _floats(node, tape, _SEGMENTS, segments))
    summed = tape.op("Add", summed, _floats(node, tape, _POSITIONS, positions))
    gamma, beta = (_floats(node, tape, one, node.inputs[one]) for one in (_GAMMA, _BETA))
    epsilon = node.attr_float("epsilon", _EPSILON)
    made = tape.op("LayerNormalization", summed, gamma, beta, axis=-1, epsilon=epsilon)
    return made, _mask_index(node, tape) if node.out(1) else ""


def _floats(node: NodeView, tape: Tape, table: int, value: str) -> str:
    scale = number(tape, node.inputs[table + _TO_SCALE])
    return dequantized(tape, value, scale, node.inputs[table + _TO_ZERO])


def _mask_index(node: NodeView, tape: Tape) -> str:
    """How many elements of a sequence are 1 in the mask; without a mask, 0."""
    mask = node.arg(_MASK)
    if not mask:
        batch = size_of(node.inputs[_IDS], 0).vector(tape)
        return tape.op("ConstantOfShape", batch, value=np.zeros(1, np.int32))
    ones = tape.cast(tape.op("Equal", mask, tape.const(1, "int32")), "int32")
    return tape.op("ReduceSum", ones, tape.ints([1]), keepdims=0)
