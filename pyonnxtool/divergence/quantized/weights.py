"""Weights that were quantized, as the numbers that they stand for, in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.divergence.compare import Array
from pyonnxtool.divergence.constants import constant
from pyonnxtool.divergence.quantized.numbers import BITS, held_array, input_steps, output_steps

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node


def dequantized_constant(model: Model, name: str) -> Array | None:
    """float64 of a quantized weight: a DequantizeLinear of constants, or the integers themselves.

    None for everything else, where the scale is computed, and where shapes do not fit: of those
    the runtime tells more.
    """
    try:
        return _dequantized(model, name)
    except (ValueError, IndexError, KeyError):
        return None


def _dequantized(model: Model, name: str) -> Array | None:
    value = model.graph.value(name)
    producer = value.producer
    if producer is not None and producer.op_type == "DequantizeLinear":
        return _dequantized_by(model, producer, 0)
    held = constant(model, name)
    if held is None or held.dtype not in BITS:
        return None
    for reader in value.consumers:
        if reader.op_type == "MatMulNBits":
            return _unpacked(model, reader)
        if reader.op_type == "Gather" and reader.input_names[0] == name:
            return _gathered(model, reader, held.numpy())
        for slot, read in enumerate(reader.input_names):
            if read == name and (made := _dequantized_by(model, reader, slot)) is not None:
                return made
    return None


def _dequantized_by(model: Model, node: Node, slot: int) -> Array | None:
    source = node.input_names[slot]
    maker = model.graph.value(source).producer
    steps = input_steps(model, node, slot)
    if steps is None:
        return _bias(model, node, slot)
    if maker is not None and maker.op_type == "QuantizeLinear":
        given, made = constant(model, maker.input_names[0]), output_steps(model, maker)
        return steps.dequantized(made.quantized(given.numpy())) if given and made else None
    held = constant(model, source)
    return steps.dequantized(held.numpy()) if held is not None else None


def _gathered(model: Model, gather: Node, integers: Array) -> Array | None:
    """A quantized embedding: what is taken of it is dequantized."""
    made = gather.outputs[0]
    for reader in made.consumers if made is not None else []:
        if reader.op_type == "DequantizeLinear":
            steps = input_steps(model, reader, 0)
            return steps.dequantized(integers) if steps is not None else None
    return None


_BIAS = {("QLinearConv", 8): (1, 4), ("QGemm", 6): (1, 4)}


def _bias(model: Model, node: Node, slot: int) -> Array | None:
    """int32, in steps of the product of the input's scale and the weight's."""
    slots = _BIAS.get((node.op_type, slot))
    if slots is None:
        return None
    ours, theirs = held_array(model, node, slots[0]), held_array(model, node, slots[1])
    held = constant(model, node.input_names[slot])
    if ours is None or theirs is None or held is None:
        return None
    return np.asarray(held.numpy().astype(np.int64) * (ours.astype(np.float64) * theirs))


def _unpacked(model: Model, node: Node) -> Array | None:
    """The weight of MatMulNBits, [K, N]: blocks of `bits` wide integers, packed low bits first."""
    rows, columns = int(node.attributes["K"]), int(node.attributes["N"])
    bits, block = int(node.attributes.get("bits", 4)), int(node.attributes["block_size"])
    packed, scale = held_array(model, node, 1), held_array(model, node, 2)
    if packed is None or scale is None or bits not in (2, 4, 8):
        return None
    blocks = -(-rows // block)
    integers = _split(packed.reshape(columns, blocks, -1), bits)[..., :block]
    zero = held_array(model, node, 3)
    if zero is None:
        zeros: Array = np.full((columns, blocks, 1), 1 << (bits - 1))
    elif zero.dtype == np.uint8:
        zeros = _split(zero.reshape(columns, -1), bits)[:, :blocks, None]
    else:
        zeros = zero.reshape(columns, blocks, 1)
    steps = scale.astype(np.float64).reshape(columns, blocks, 1)
    return np.asarray(((integers - zeros) * steps).reshape(columns, -1)[:, :rows].T)


def _split(packed: Array, bits: int) -> Array:
    """The last axis of bytes as integers of `bits` bits, the first in the lowest bits."""
    wide = packed.view(np.uint8).astype(np.int64)
    parts = [(wide >> shift) & ((1 << bits) - 1) for shift in range(0, 8, bits)]
    return np.stack(parts, -1).reshape(*packed.shape[:-1], -1)
