"""What is added to the scores of an attention of com.microsoft, by its mask and its direction.

A key that a mask hides gets `mask_filter_value`, which is finite: where all are hidden, the scores
decide. A key that comes after the query gets the lowest number of the dtype in place of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics._floats import lowest, within
from pyonnxtool.symbolics._sizes import Size, counted, size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_SMALL = 1 << 16
"""Elements of a mask that is written out; larger ones are computed from two vectors."""


@dataclass(frozen=True)
class Frame:
    """The scores: queries by keys, of which the first come from the past."""

    dtype: str
    batch: Size
    queries: Size
    keys: Size
    past: Size


def mask_refusal(node: NodeView, mask: Operand, ranks: range) -> Refusal | None:
    """Why a mask cannot be read; None when it can, or is omitted."""
    if not mask:
        return None
    if mask.rank is None:
        return node.refuse_dynamic("the rank of its mask")
    if mask.rank not in ranks:
        return node.refuse(f"its mask has rank {mask.rank}")
    if mask.dtype is None:
        return node.refuse("the element type of its mask is not known")
    return None


def bias_of(
    frame: Frame, mask: Operand, hidden: float, causal: bool, added: Operand, tape: Tape
) -> list[str]:
    """What is added to the scores, in this order, as onnxruntime adds it.

    That matters where all keys are hidden: -10000 leaves three digits of a float32. `hidden` is
    what hidden keys get, `added` a bias of the model itself.
    """
    total = _of_mask(frame, mask, hidden, tape) if mask else ""
    if causal and frame.queries.known != 1:
        total = _without_later(frame, total, tape)
    return [one for one in (added, total) if one]


def _of_mask(frame: Frame, mask: Operand, hidden: float, tape: Tape) -> str:
    if mask.rank == 1:
        seen = _by_lengths(frame, mask, tape)
    else:
        value: str = mask
        if mask.rank == 4:
            value = _last_rows(frame, mask, tape)
        elif mask.rank in (2, 3):
            value = tape.op("Unsqueeze", mask, tape.ints(range(1, 5 - mask.rank)))
        zero = tape.const(np.array(0), mask.dtype)
        seen = value if mask.dtype == "bool" else tape.op("Greater", value, zero)
    filled = tape.const(within(hidden, frame.dtype), frame.dtype)
    return tape.op("Where", seen, tape.const(0.0, frame.dtype), filled)


def _last_rows(frame: Frame, mask: Operand, tape: Tape) -> str:
    """Of a square mask for the longest sequence: the rows of the queries, and all keys."""
    keys = frame.keys.vector(tape)
    first = tape.op("Sub", keys, frame.queries.vector(tape))
    starts = tape.op("Concat", first, tape.ints([0]), axis=0)
    return tape.op("Slice", mask, starts, tape.op("Concat", keys, keys, axis=0), tape.ints([2, 3]))


def _by_lengths(frame: Frame, mask: Operand, tape: Tape) -> str:
    """Keys before the end of their sequence, and from its start on where the mask has starts.

    It has an end for each sequence; or ends, then starts; or ends, and sums that are not needed.
    """
    length, batch = size_of(mask, 0), frame.batch
    places = tape.cast(counted(frame.keys, tape), mask.dtype or "int32")
    has_starts = None
    if length.known is not None and batch.known is not None:
        has_starts = length.known == 2 * batch.known
    elif (mask.dims or [None])[0] == _dim_of(batch):
        has_starts = False
    if has_starts is False and length.known == batch.known and length.known is not None:
        return tape.op("Less", places, _as_column(mask, tape))
    count, zero = batch.vector(tape), tape.ints([0])
    ends = tape.op("Slice", mask, zero, count, zero)
    seen = tape.op("Less", places, _as_column(ends, tape))
    if has_starts is False:
        return seen
    twice = tape.op("Add", count, count)
    none = tape.const(np.zeros(1), mask.dtype)
    padded = tape.op("Concat", mask, tape.op("Expand", none, count), axis=0)
    starts = tape.op("Slice", padded, count, twice, zero)
    if has_starts is None:
        same = tape.op("Equal", length.vector(tape), twice)
        starts = tape.op("Mul", starts, tape.cast(same, mask.dtype or "int32"))
    early = tape.op("Less", places, _as_column(starts, tape))
    return tape.op("And", seen, tape.op("Not", early))


def _dim_of(size: Size) -> object:
    dims = getattr(size.value, "dims", None)
    return None if not dims or size.axis is None else dims[size.axis]


def _as_column(lengths: str, tape: Tape) -> str:
    return tape.op("Unsqueeze", lengths, tape.ints([1, 2, 3]))


def _without_later(frame: Frame, total: str, tape: Tape) -> str:
    """The bias, with the lowest number for keys that come after the query."""
    least = lowest(frame.dtype)
    queries, keys, past = frame.queries.known, frame.keys.known, frame.past.known
    if queries is not None and keys is not None and past is not None and queries * keys <= _SMALL:
        seen = np.arange(keys) <= np.arange(past, past + queries)[:, None]
        if not total:
            return tape.const(np.where(seen, least.dtype.type(0), least))
        visible = tape.const(seen)
    else:
        after = counted(frame.queries, tape, frame.past, by=1)
        rows = tape.op("Unsqueeze", after, tape.ints([1]))
        visible = tape.op("Less", counted(frame.keys, tape), rows)
    return tape.op("Where", visible, total or tape.const(0.0, frame.dtype), tape.const(least))
