"""What the integers of a quantized model stand for: scales, zero points, and the numbers behind.

Formulas are those of QuantizeLinear and DequantizeLinear (ONNX, per tensor, per axis and, since
opset 21, blocked) and of onnxruntime's contrib operators; everything is computed in float64 from
integers of 64 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.divergence.compare import Array, dtype_of
from pyonnxtool.divergence.constants import constant

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node

BITS = {"int2": 2, "uint2": 2, "int4": 4, "uint4": 4, "int8": 8, "uint8": 8, "int16": 16}
BITS |= {"uint16": 16, "int32": 32}
_SMALL = ("int8", "uint8", "int4", "uint4")
_MOVES = frozenset(
    [
        *("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Slice", "Split"),
        *("Gather", "MaxPool", "Identity", "Tile", "DepthToSpace", "SpaceToDepth", "Resize"),
    ]
)
"""Operators that hand integers on as they are."""

OUTPUT_SLOTS: Mapping[str, tuple[int, int]] = {
    "QLinearConv": (6, 7),
    "QLinearMatMul": (6, 7),
    "QLinearAdd": (6, 7),
    "QLinearMul": (6, 7),
    "QGemm": (7, 8),
    "QLinearWhere": (7, 8),
    "QLinearConcat": (0, 1),
    "QLinearSigmoid": (3, 4),
    "QLinearSoftmax": (3, 4),
    "QLinearLeakyRelu": (3, 4),
    "QLinearReduceMean": (3, 4),
    "QLinearAveragePool": (3, 4),
    "QLinearGlobalAveragePool": (3, 4),
    "QuantizeLinear": (1, 2),
}
"""Where an operator with integer output reads the scale and zero point of that output."""

INPUT_SLOTS: Mapping[tuple[str, int], tuple[int, int]] = {
    ("QLinearConv", 0): (1, 2),
    ("QLinearConv", 3): (4, 5),
    ("QLinearMatMul", 0): (1, 2),
    ("QLinearMatMul", 3): (4, 5),
    ("QLinearAdd", 0): (1, 2),
    ("QLinearAdd", 3): (4, 5),
    ("QLinearMul", 0): (1, 2),
    ("QLinearMul", 3): (4, 5),
    ("QGemm", 0): (1, 2),
    ("QGemm", 3): (4, 5),
    ("QLinearWhere", 1): (2, 3),
    ("QLinearWhere", 4): (5, 6),
    ("QLinearSigmoid", 0): (1, 2),
    ("QLinearSoftmax", 0): (1, 2),
    ("QLinearLeakyRelu", 0): (1, 2),
    ("QLinearReduceMean", 0): (1, 2),
    ("QLinearAveragePool", 0): (1, 2),
    ("QLinearGlobalAveragePool", 0): (1, 2),
    ("DequantizeLinear", 0): (1, 2),
    ("MatMulIntegerToFloat", 1): (3, 5),
    ("DynamicQuantizeMatMul", 1): (2, 3),
}
"""Where an operator reads the scale and zero point of one of its integer inputs."""


@dataclass(frozen=True)
class Steps:
    """How integers stand for numbers: (integer - zero) * scale.

    `scale` and `zero` hold one element, or one for each place along `axis`, or, with `block`, one
    for each so many places along it.
    """

    scale: Array
    zero: Array
    dtype: str
    axis: int | None = None
    block: int = 0

    @property
    def low(self) -> int:
        """The smallest integer."""
        return 0 if self.dtype.startswith("u") else -(1 << (BITS[self.dtype] - 1))

    @property
    def high(self) -> int:
        """The largest integer."""
        bits = BITS[self.dtype]
        return (1 << bits) - 1 if self.dtype.startswith("u") else (1 << (bits - 1)) - 1

    @property
    def square_error(self) -> float:
        """Mean square of the error of rounding to the nearest step: scale^2 / 12."""
        return float(np.mean(np.square(self.scale))) / 12

    @property
    def cuts_at_zero(self) -> bool:
        """The smallest integer stands for zero, so that nothing negative comes through."""
        return bool(np.all(self.zero == self.low))

    def dequantized(self, integers: Array) -> Array:
        """float64 of the integers' shape."""
        wide = integers.astype(np.int64)
        return np.asarray((wide - self._along(self.zero, wide)) * self._along(self.scale, wide))

    def quantized(self, numbers: Array) -> Array:
        """int64, rounded half to even and cut off at the ends."""
        wide = numbers.astype(np.float64)
        with np.errstate(all="ignore"):
            steps = np.rint(wide / self._along(self.scale, wide)) + self._along(self.zero, wide)
            kept = np.nan_to_num(np.clip(steps, self.low, self.high), nan=0.0)
        return np.asarray(kept).astype(np.int64)

    def _along(self, given: Array, like: Array) -> Array:
        """Scales or zero points in a shape that broadcasts against the integers."""
        if self.axis is None or given.size == 1:
            return given.reshape(-1)[:1]
        axis = self.axis % like.ndim
        if self.block:
            wide = np.repeat(given, self.block, axis)
            return np.asarray(np.take(wide, range(like.shape[axis]), axis))
        shape = [1] * like.ndim
        shape[axis] = given.size
        return given.reshape(shape) if given.size == like.shape[axis] else given.reshape(-1)[:1]


@dataclass(frozen=True)
class QuantizedView:
    """The candidate holds integers, the reference the numbers that they stand for."""

    steps: Steps
    numpy_type: np.dtype[Any]

    @property
    def note(self) -> str:
        """Says the type."""
        return f"dequantized from {self.steps.dtype}"

    def to_reference(self, value: Array, shape: tuple[int, ...]) -> Array:
        """The numbers that the integers stand for, as float32; floats are left as they are."""
        if value.dtype.kind not in "iu":
            return value
        return self.steps.dequantized(value).astype(np.float32)

    def to_candidate(self, value: Array, shape: tuple[int, ...] | None) -> Array:
        """The nearest integers; integers are left as they are."""
        if value.dtype.kind in "iu":
            return value
        return self.steps.quantized(value).astype(self.numpy_type)


def output_steps(model: Model, node: Node) -> Steps | None:
    """Steps of the node's integer output; None where it has none, or they are computed."""
    slots = OUTPUT_SLOTS.get(node.op_type)
    if slots is None:
        return None
    axis = node.attributes.get("axis", 1) if node.op_type == "QuantizeLinear" else None
    block = node.attributes.get("block_size", 0) if node.op_type == "QuantizeLinear" else 0
    return _steps(model, node, slots, axis, block, default=_declared(node))


def carried_steps(model: Model, name: str) -> Steps | None:
    """Steps of a value of integers, through what only picks and moves them.

    None for other values, and where the steps lie along an axis that may be moved.
    """
    while (node := model.graph.value(name).producer) is not None:
        steps = output_steps(model, node)
        if steps is not None or node.op_type not in _MOVES or not node.input_names:
            return steps
        held = constant(model, node.input_names[0])
        if held is not None:  # a quantized embedding
            return _read_steps(model, name) if held.dtype in _SMALL else None
        name = node.input_names[0]
    return None


def read_otherwise(model: Model, node: Node) -> list[tuple[str, Steps, Steps]]:
    """Integers that the node reads in other steps than those in which they were made.

    Each with its name, the steps of the reader and those of the maker.
    """
    found = []
    for slot, name in enumerate(node.input_names):
        maker = model.graph.value(name).producer if name else None
        made = output_steps(model, maker) if maker is not None else None
        read = input_steps(model, node, slot) if made is not None else None
        if made is None or read is None:
            continue
        same = made.scale.shape == read.scale.shape and np.array_equal(made.scale, read.scale)
        if not same or not np.array_equal(made.zero.reshape(-1), read.zero.reshape(-1)):
            found.append((name, read, made))
    return found


def _read_steps(model: Model, name: str) -> Steps | None:
    """Steps in which some reader takes the value."""
    for reader in model.graph.value(name).consumers:
        for slot, read in enumerate(reader.input_names):
            steps = input_steps(model, reader, slot) if read == name else None
            if steps is not None and steps.axis is None:
                return steps
    return None


def input_steps(model: Model, node: Node, slot: int) -> Steps | None:
    """Steps of one of the node's integer inputs; None where they are computed."""
    slots = INPUT_SLOTS.get((node.op_type, slot))
    if slots is None:
        return _summed_steps(model, node, slot)
    axis: int | None = {"QLinearConv": 0, "DequantizeLinear": node.attributes.get("axis", 1)}.get(
        node.op_type, -1
    )
    if node.op_type == "QGemm" and node.attributes.get("transB", 0):
        axis = 0
    held = constant(model, node.input_names[slot])
    dtype = held.dtype if held is not None else model.graph.value(node.input_names[slot]).dtype
    return _steps(model, node, slots, axis, node.attributes.get("block_size", 0), dtype or "uint8")


def _steps(
    model: Model,
    node: Node,
    slots: tuple[int, int],
    axis: int | None,
    block: int,
    default: str,
) -> Steps | None:
    scale = held_array(model, node, slots[0])
    if scale is None:
        return None
    zero = held_array(model, node, slots[1])
    if zero is None and slots[1] < len(node.input_names) and node.input_names[slots[1]]:
        return None
    dtype = dtype_of(zero) if zero is not None else default
    if dtype not in BITS:
        return None
    zeros = np.zeros_like(scale, np.int64) if zero is None else zero.astype(np.int64)
    return Steps(
        scale.astype(np.float64),
        zeros,
        dtype,
        None if scale.size == 1 and not block else axis,
        block,
    )


def _declared(node: Node) -> str:
    """QuantizeLinear makes uint8 where nothing says otherwise."""
    return {3: "int8", 4: "uint16", 5: "int16", 21: "uint4", 22: "int4"}.get(
        node.attributes.get("output_dtype", 0), "uint8"
    )


def held_array(model: Model, node: Node, slot: int) -> Array | None:
    """The constant that the node reads in a slot; None where it reads none there."""
    if slot >= len(node.input_names) or not node.input_names[slot]:
        return None
    tensor = constant(model, node.input_names[slot])
    return tensor.numpy() if tensor is not None else None


def _summed_steps(model: Model, node: Node, slot: int) -> Steps | None:
    """The weight of MatMulInteger or ConvInteger: its scale is multiplied in after the sum."""
    if node.op_type not in ("MatMulInteger", "ConvInteger") or slot != 1:
        return None
    held = constant(model, node.input_names[1])
    scale = _scale_behind(model, node)
    if held is None or scale is None:
        return None
    zero = held_array(model, node, 3)
    zeros = np.zeros(1, np.int64) if zero is None else zero.astype(np.int64)
    axis = 0 if node.op_type == "ConvInteger" else -1
    many = scale.size > 1 or zeros.size > 1
    return Steps(scale.astype(np.float64), zeros, held.dtype, axis if many else None)


def _scale_behind(model: Model, node: Node) -> Array | None:
    """Cast, then Mul by the product of the input's scale and the (constant) weight's."""
    value = node.outputs[0]
    for _ in range(2):
        readers = value.consumers if value is not None else []
        if len(readers) != 1:
            return None
        if readers[0].op_type == "Mul":
            return _constant_factor(model, readers[0], value.name if value is not None else "")
        value = readers[0].outputs[0]
    return None


def _constant_factor(model: Model, product: Node, summed: str) -> Array | None:
    for name in product.input_names:
        if name == summed:
            continue
        producer = model.graph.value(name).producer
        for factor in producer.input_names if producer is not None else [name]:
            held = constant(model, factor)
            if held is not None and held.dtype.startswith("float"):
                return held.numpy()
    return None
