"""The embeddings of BERT, as one operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_EPSILON = 1e-12


@SYMBOLICS.add("com.microsoft::EmbedLayerNormalization")
def embed_layer_normalization(node: NodeView, tape: Tape) -> Decision:
    """Gather of each embedding, Add, then LayerNormalization."""
    ids, segments, words = node.inputs[:3]
    summed = tape.op("Add", tape.op("Gather", words, ids, axis=0), _positions(node, tape))
    if node.arg(4):  # without segments all are of the first one
        which = segments or tape.const(0, "int64")
        summed = tape.op("Add", summed, tape.op("Gather", node.arg(4), which, axis=0))
    normal = tape.op(
        "LayerNormalization",
        summed,
        node.inputs[5],
        node.arg(6),
        axis=-1,
        epsilon=node.attr_float("epsilon", _EPSILON),
    )
    return normal, _mask_index(node, tape), summed


def _positions(node: NodeView, tape: Tape) -> str:
    """The embedding of each position: as they are given, or the first ones."""
    table, given = node.inputs[3], node.arg(8)
    if given:
        return tape.op("Gather", table, given, axis=0)
    length = (node.inputs[0].shape or (None, None))[1]
    end = tape.ints([length]) if length is not None else _sizes(node, 1, 2, tape)
    return tape.op("Slice", table, tape.ints([0]), end, tape.ints([0]))


def _mask_index(node: NodeView, tape: Tape) -> str:
    """How many elements of a sequence are 1 in the mask; without a mask, 0."""
    mask = node.arg(7)
    if not node.out(1):
        return ""
    if not mask:
        return tape.op("ConstantOfShape", _sizes(node, 0, 1, tape), value=np.zeros(1, np.int32))
    ones = tape.op("Equal", mask, tape.const(1, mask.dtype or "int32"))
    return tape.op("ReduceSum", tape.cast(ones, "int32"), tape.ints([1]), keepdims=0)


def _sizes(node: NodeView, start: int, end: int, tape: Tape) -> str:
    return tape.op("Shape", node.inputs[0], start=start, end=end)
