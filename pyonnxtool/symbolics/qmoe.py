"""Mixture of experts of com.microsoft, with packed weights of 2, 4 or 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._attributes import flag
from pyonnxtool.symbolics._experts import Experts, experts_refusal, mixture
from pyonnxtool.symbolics._floats import as_dtype
from pyonnxtool.symbolics._packed import WIDTHS, flat_split
from pyonnxtool.symbolics._weights import weights

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_PLACES = ((2, 3, 11, "fc1"), (5, 6, 12, "fc2"), (8, 9, 13, "fc3"))
"""Of the packed weights of each product, their scales and zero points, and its name."""


@SYMBOLICS.add("com.microsoft::QMoE")
def qmoe(node: NodeView, tape: Tape) -> Decision:
    """DequantizeLinear of the experts in blocks, MatMul, and the sum of what TopK takes of them.

    In the type of the input, where kernels may round rows to 8 bits. Without `router_weights` what
    the chosen experts have of a row always adds up to 1, as onnxruntime has it.
    """
    if (refusal := _refusal(node)) is not None:
        return refusal
    shapes = [node.arg(place[0]).static_shape for place in _PLACES[:2]]
    if any(shape is None or len(shape) != 3 for shape in shapes):
        return node.refuse_dynamic("the shape of its weights")
    (count, _, _), (_, hidden, packed) = (shape or () for shape in shapes)
    inner = packed * 8 // _bits(node, "fc2")
    unpacked = [_dequantized(node, places, tape) for places in _PLACES]
    biases = node.arg(4), node.arg(7), node.arg(10)
    first, second, third = unpacked
    shares = node.arg(14)
    normalized = not shares or flag(node, "normalize_routing_weights")
    parts = (first, second, third), biases, normalized, str(shares)
    return mixture(Experts(node, count, hidden, inner, *parts), tape)


def _refusal(node: NodeView) -> Refusal | None:
    kind, bits = node.attr_str("quant_type", "int"), [_bits(node, one[3]) for one in _PLACES]
    if kind != "int":
        return node.refuse(f"quant_type={kind!r} is not that of integers")
    if any(one not in WIDTHS for one in bits):
        return node.refuse(f"weights of {bits} bits have no layout that is known")
    if node.attr_int("weights_prepacked", -1) > 0:
        return node.refuse("its weights are packed for one processor", "use them as they were")
    if any(node.arg(place[0]) and not node.arg(place[1]) for place in _PLACES):
        return node.refuse("weights are without their scales")
    return experts_refusal(node, node.arg(8))


def _bits(node: NodeView, name: str) -> int:
    return node.attr_int(f"{name}_expert_weight_bits", node.attr_int("expert_weight_bits", 4))


def _dequantized(node: NodeView, places: tuple[int, int, int, str], tape: Tape) -> str:
    """(experts, out, in), or "" when there are none."""
    packed, scales, zeros = (node.arg(place) for place in places[:3])
    if not packed:
        return ""
    bits = _bits(node, places[3])
    count, rows, stored = packed.static_shape or (0, 0, 0)
    columns = stored * 8 // bits
    block = node.attr_int("block_size", 0)
    block = block if block > 0 else columns
    groups = columns // block
    fed = packed.const is None or (bool(zeros) and zeros.const is None)
    dtype = "uint8" if fed or bits == 8 else "uint4"
    made = tape.op(
        "DequantizeLinear",
        _integers(packed, (count, rows, columns), bits, dtype, tape),
        tape.op("Reshape", scales, tape.ints([count, rows, groups])),
        _zeros(zeros, (count, rows, groups), bits, dtype, tape),
        axis=2,
        block_size=block,
    )
    return as_dtype(made, scales.dtype or "", node.inputs[0].dtype or "", tape)


def _integers(
    packed: Operand, shape: tuple[int, int, int], bits: int, dtype: str, tape: Tape
) -> str:
    split = flat_split(tape, packed, shape[0] * shape[1], bits)
    if isinstance(split, str):
        return tape.op("Reshape", split, tape.ints(shape))
    made = split.reshape(shape)
    return weights(tape, made, dtype)


def _zeros(zeros: Operand, shape: tuple[int, int, int], bits: int, dtype: str, tape: Tape) -> str:
    """A zero point for each block; packed along the blocks, or along the rows where those are one.

    The last byte of such a row may not be full.
    """
    count, rows, groups = shape
    if not zeros:
        return weights(tape, np.full(shape, 2 ** (bits - 1)), dtype)
    along = zeros.rank == 3
    split = flat_split(tape, zeros, count * rows if along else count, bits)
    wanted = groups if along else rows * groups
    if isinstance(split, str):
        first = tape.op("Slice", split, tape.ints([0]), tape.ints([wanted]), tape.ints([1]))
        return tape.op("Reshape", first, tape.ints(shape))
    return weights(tape, split[:, :wanted].reshape(shape), dtype)
