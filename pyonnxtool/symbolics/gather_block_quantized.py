"""GatherBlockQuantized of com.microsoft: rows of a table that is quantized in blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._packed import WIDTHS, split, split_at_run_time
from pyonnxtool.symbolics._weights import weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_NIBBLES = ("int4", "uint4")


@dataclass(frozen=True)
class _Form:
    rank: int
    """Of the table."""
    gathered: int
    """Axis along which rows are taken."""
    quantized: int
    """Axis along which the blocks are."""
    block: int
    bits: int


@SYMBOLICS.add("com.microsoft::GatherBlockQuantized")
def gather_block_quantized(node: NodeView, tape: Tape) -> Decision:
    """Gather of integers, scales and zero points, then DequantizeLinear in blocks.

    An index outside of the table is an error, where newer releases of onnxruntime give zeros.
    """
    form = _form(node)
    if not isinstance(form, _Form):
        return form
    data, indices, scales = node.inputs[:3]
    wide = "int8" if data.dtype == "int4" else "uint8"
    parts = [_bytes(tape, data, form, wide), scales, _zeros(tape, node, form, wide)]
    if form.gathered == form.quantized:
        return _along_blocks(node, tape, parts, form)
    taken = [tape.op("Gather", one, indices, axis=form.gathered) for one in parts]
    if form.gathered < form.quantized:
        axis = form.quantized - 1 + (indices.rank or 0)
    else:
        axis = form.quantized
    return tape.op("DequantizeLinear", *taken, axis=axis, block_size=form.block)


def _form(node: NodeView) -> _Form | Refusal:
    data, indices = node.inputs[:2]
    if data.dtype is None or data.rank is None or indices.rank is None:
        return node.refuse_dynamic("the type of its table, or the rank of this or its indices,")
    if data.dtype not in (*_NIBBLES, "uint8"):
        return node.refuse(f"a table of {data.dtype} has no form that older opsets know")
    bits = node.attr_int("bits", 4)
    axes = [node.attr_int(*one) for one in (("gather_axis", 0), ("quantize_axis", 1))]
    if any(not -data.rank <= axis < data.rank for axis in axes):
        return node.refuse(f"its axes {axes} are not those of a table of rank {data.rank}")
    if data.dtype == "uint8" and bits not in WIDTHS:
        return node.refuse(f"weights of {bits} bits have no layout that is known")
    gathered, quantized = (axis % data.rank for axis in axes)
    width = bits if data.dtype == "uint8" else 8
    return _Form(data.rank, gathered, quantized, node.attr_int("block_size", 128), width)


def _bytes(tape: Tape, operand: Operand, form: _Form, wide: str) -> str:
    """The integers, one a byte. Gather takes no smaller ones."""
    known = operand.const
    if known is None:
        if operand.dtype in _NIBBLES:
            return tape.cast(operand, wide)
        return split_at_run_time(tape, operand, form.rank, form.bits)
    if operand.dtype in _NIBBLES:
        return weights(tape, known.astype(wide), wide)
    return weights(tape, split(known, form.bits), wide)


def _zeros(tape: Tape, node: NodeView, form: _Form, wide: str) -> str:
    """A zero point for each scale."""
    scales, zeros = node.inputs[2], node.arg(3)
    if zeros and (form.bits == 8 or zeros.dtype in _NIBBLES):
        return _bytes(tape, zeros, form, wide)
    if zeros:  # whole bytes: there may be more than there are blocks
        blocks = (scales.shape or (None,))[-1]
        end = tape.ints([blocks]) if blocks is not None else tape.op("Shape", scales, start=-1)
        return tape.op(
            "Slice", _bytes(tape, zeros, form, wide), tape.ints([0]), end, tape.ints([-1])
        )
    middle: NDArray[Any] = np.array(
        [0 if node.inputs[0].dtype in _NIBBLES else 2 ** (form.bits - 1)], wide
    )
    if scales.static_shape is not None:
        return tape.const(np.full(scales.static_shape, middle[0], wide))
    return tape.op("Expand", tape.const(middle), tape.op("Shape", scales))


def _along_blocks(node: NodeView, tape: Tape, parts: list[str], form: _Form) -> Decision:
    """Rows are taken along the axis of the blocks: each has the scale of its own."""
    data, indices = node.inputs[:2]
    dtype, size = node.inputs[2].dtype, (data.shape or ())[form.quantized]
    if dtype is None or size is None:
        return node.refuse_dynamic("the type of its scales, or the size of the axis of its blocks,")
    places = tape.cast(indices, "int64")
    end = tape.const(np.array(size, np.int64))
    below = tape.op("Less", places, tape.const(np.array(0, np.int64)))
    places = tape.op("Where", below, tape.op("Add", places, end), places)
    blocks = tape.op("Div", places, tape.const(np.array(form.block, np.int64)))
    taken = tape.op("Gather", parts[0], places, axis=form.gathered)
    scales, zeros = (tape.op("Gather", one, blocks, axis=form.gathered) for one in parts[1:])
    above = tape.op("Sub", tape.cast(taken, dtype), tape.cast(zeros, dtype))
    return tape.op("Mul", above, scales)
