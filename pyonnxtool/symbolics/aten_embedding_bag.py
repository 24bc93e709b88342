"""Embeddings that torch sums, averages or takes the largest of, a bag at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.rewriting.open_sizes import Sizes
from pyonnxtool.symbolics._aten import aten

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_REDUCTIONS = ("add", "add", "max")
"""By mode: sum, mean, max."""


@aten(
    "embedding_bag|_embedding_bag|_embedding_bag_forward_only",
    "Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq, int mode, "
    "bool sparse, Tensor? per_sample_weights, bool include_last_offset, int? padding_idx",
)
def embedding_bag(
    node: NodeView,
    tape: Tape,
    weight: Operand,
    indices: Operand,
    offsets: Operand,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Operand | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Decision:
    """Gather, then ScatterElements with a reduction."""
    padded = padding_idx is not None and padding_idx >= 0
    if (refusal := _unfit(node, mode, padded, weight, indices, offsets)) is not None:
        return refusal
    sizes, dtype = Sizes(tape), weight.dtype
    rows = tape.op("Gather", weight, indices, axis=0)
    if per_sample_weights:
        column = tape.op("Unsqueeze", per_sample_weights, tape.ints([1]))
        rows = tape.op("Mul", rows, column)
    starts = str(offsets) if offsets.dtype == "int64" else tape.cast(offsets, "int64")
    if include_last_offset:
        starts = tape.op("Slice", starts, tape.ints([0]), tape.ints([-1]), tape.ints([0]))
    count = tape.op("Shape", starts)
    places = sizes.iota_along(sizes.of(indices, 0), 0, 2)
    behind = tape.cast(tape.op("LessOrEqual", starts, places), "int64")
    bag = tape.op("ReduceSum", behind, tape.ints([1]), keepdims=1)
    bag = tape.op("Expand", tape.op("Sub", bag, tape.ints([1])), tape.op("Shape", rows))
    shape = tape.op("Concat", count, sizes.tensor(sizes.of(weight, 1)), axis=0)
    begin = tape.const(-np.inf if mode == 2 else 0.0, dtype)
    empty = tape.op("Expand", begin, shape)
    how = _REDUCTIONS[mode]
    made = tape.op("ScatterElements", empty, bag, rows, axis=0, reduction=how)
    if mode == 0:
        return made
    zeros = tape.op("Expand", tape.const(0.0, dtype), shape)
    ones = tape.op("Expand", tape.const(1.0, dtype), tape.op("Shape", rows))
    counts = tape.op("ScatterElements", zeros, bag, ones, axis=0, reduction="add")
    if mode == 1:
        return tape.op("Div", made, tape.op("Max", counts, tape.const(1.0, dtype)))
    some = tape.op("Greater", counts, tape.const(0.0, dtype))
    return tape.op("Where", some, made, tape.const(0.0, dtype))


def _unfit(
    node: NodeView, mode: int, padded: bool, weight: Operand, indices: Operand, offsets: Operand
) -> Refusal | None:
    if any(node.out(place) for place in (1, 2, 3)):
        return node.refuse("its outputs behind the first are for training")
    if not 0 <= mode < len(_REDUCTIONS):
        return node.refuse(f"its mode {mode} is none that torch has")
    if padded:
        return node.refuse("it leaves out the embedding that pads")
    if indices.rank != 1 or offsets.rank != 1 or weight.dtype is None:
        return node.refuse_dynamic("the rank of its indices")
    return None
