"""Quantization in primitive operators: how scales lie over the elements, and what is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.op_schemas import schema_at, tensor_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting import Refusal
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape

RANGES = {
    "int2": (-2, 1),
    "uint2": (0, 3),
    "int4": (-8, 7),
    "uint4": (0, 15),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "uint16": (0, 65535),
}
_ROUND = 11
"""The opset from which on there is Round, and Clip takes its ends as inputs."""
_MOST = 2**24
"""Elements of a constant that is written where the run could make it."""
STAND_INS = {"int2": "int8", "uint2": "uint8", "int4": "int8", "uint4": "uint8"}
"""Integers of less than a byte, to those that hold the same numbers everywhere."""


@dataclass(frozen=True)
class Spread:
    """How scales and zero points lie over the elements of the tensor."""

    rank: int
    axis: int | None = None
    """None: one scale for all."""
    block: int = 0
    """So many elements along the axis share a scale; 0: each has its own."""
    size: int | None = None
    """Of the axis; None: it is no number, or absurd."""
    apart: tuple[int, ...] | None = None
    """Reshape of the tensor that gives the blocks an axis of their own, where that can be."""
    together: tuple[int, ...] | None = None
    """Reshape back."""

    def over(
        self, operand: Operand, x: Operand, tape: Tape, dtype: str = "float32", times: int = 1
    ) -> str:
        """Scales or zero points so that they broadcast to the tensor (to its blocks).

        Constants can be had times a power of two.
        """
        known = operand.const
        if known is not None and (self.apart or not self.block or self.size is not None):
            laid = self.laid(known).astype(numpy_dtype(dtype))
            return tape.const(laid if times == 1 else laid * laid.dtype.type(times))
        value: str = operand
        if self.axis is None:
            value = value if operand.rank == 0 else tape.op("Reshape", value, tape.ints([]))
        elif not self.block:
            beyond = self.rank - self.axis - 1
            value = tape.op("Reshape", value, tape.ints([1] * self.axis + [-1] + [1] * beyond))
        elif self.apart:
            value = tape.op("Unsqueeze", value, tape.ints([self.axis + 1]))
        else:
            value = tape.op("Gather", value, self._blocks(x, tape), axis=self.axis)
        return value if operand.dtype == dtype else tape.cast(value, dtype)

    def laid(self, known: NDArray[Any]) -> NDArray[Any]:
        """The same for elements that are known. Pre: the size of the axis is, or is not needed."""
        if self.axis is None:
            return known.reshape(())
        if not self.block:
            return known.reshape([1] * self.axis + [-1] + [1] * (self.rank - self.axis - 1))
        if self.apart:
            return np.expand_dims(known, self.axis + 1)
        assert self.size is not None
        return known.take(np.arange(self.size) // self.block, self.axis)

    def _blocks(self, x: Operand, tape: Tape) -> str:
        """The block of each element along the axis."""
        if self.size is not None:
            return tape.ints(np.arange(self.size) // self.block)
        assert self.axis is not None
        size = tape.op("Gather", tape.op("Shape", x), tape.const(self.axis, "int64"))
        numbers = [tape.const(0, "int64"), size, tape.const(1, "int64")]
        return tape.op("Div", tape.op("Range", *numbers), tape.const(self.block, "int64"))


def spread_of(node: NodeView, x: Operand, scale: Operand) -> Spread | Refusal:
    """How the scale lies over the tensor, refused where that is only known at run time."""
    block = node.attr_int("block_size") if "block_size" in node.schema.attributes else 0
    if scale.rank is None:
        return node.refuse_dynamic(f"the rank of scale {str(scale)!r}")
    if scale.rank == 0 or (scale.static_shape == (1,) and not block):
        return Spread(0)
    if x.shape is None:
        return node.refuse_dynamic(f"the rank of {str(x)!r}")
    rank = len(x.shape)
    axis = node.attr_int("axis", 1)
    axis = 0 if rank == 1 else axis + rank * (axis < 0)
    why = _unlike(node, axis, block)
    if why:
        return node.refuse(why)
    if not block:
        return Spread(rank, axis)
    size = x.shape[axis]
    whole = size is not None and size > 0 and size % block == 0
    blocks = None if size is None or not whole else [size // block, block]
    apart = _reshape(x.shape, axis, blocks)
    together = _reshape(x.shape, axis, [size] if size is not None and apart else None)
    listed = None if size is not None and size > _MOST else size
    return Spread(rank, axis, block, listed, apart, together)


def _unlike(node: NodeView, axis: int, block: int) -> str:
    """Why scales cannot lie over the axis; "" when they can, as far as is known."""
    x, scale, zero = node.arg(0).shape, node.arg(1).shape, node.arg(2).shape
    if x is None or scale is None:
        return ""
    if block < 0 or not 0 <= axis < len(x) or len(scale) != (len(x) if block else 1):
        return f"scales of rank {len(scale)} do not lie over axis {axis} of {len(x)}"
    if zero is not None and len(zero) != len(scale):
        return "scale and zero point are not of one shape"
    size, scales = x[axis], scale[axis if block else 0]
    if None not in (size, scales) and scales != -(-(size or 0) // (block or 1)):
        return f"{scales} scales do not lie over {size} elements of axis {axis}"
    return ""


def _reshape(
    shape: tuple[int | None, ...], axis: int, middle: list[int] | None
) -> tuple[int, ...] | None:
    """The shape with this in place of the axis; None where a Reshape cannot say it."""
    before, after = shape[:axis], shape[axis + 1 :]
    if middle is None or 0 in shape or after.count(None) > 1:
        return None
    kept = [0 if size is None else size for size in before]
    return (*kept, *middle, *(-1 if size is None else size for size in after))


def is_zero(operand: Operand) -> bool:
    """Whether a zero point is omitted, or known to be nothing but 0."""
    if not operand:
        return True
    known = operand.const
    return known is not None and not np.any(known.astype(np.float32))


def only_dequantized(node: NodeView) -> bool:
    """Whether only DequantizeLinear reads what is made, so that its dtype may be another."""
    made = node.graph.value(str(node.out()))
    return not made.is_output and all(
        one.op_type == "DequantizeLinear"
        and not one.domain
        and one.input_names[0] == made.name
        and made.name not in one.input_names[1:]
        for one in made.consumers
    )


def stand_in(operand: Operand, tape: Tape) -> str:
    """Integers of less than a byte in a byte; what is no constant was made so by its producer."""
    known = operand.const
    if known is None or operand.dtype not in STAND_INS:
        return operand
    return tape.const(known.astype(numpy_dtype(STAND_INS[operand.dtype])))


def in_float32(operand: Operand, tape: Tape) -> str:
    """The operand in float32, a constant at once."""
    if operand.dtype in (None, "float32"):
        return operand
    known = operand.const
    return tape.cast(operand, "float32") if known is None else tape.const(known.astype("float32"))


def no_zero(scale: Operand, dtype: str, tape: Tape) -> str:
    """A zero point that moves nothing, to carry the dtype: as large as the scale."""
    shape = () if scale.rank == 0 else scale.static_shape
    if shape is not None and math.prod(shape) <= _MOST:
        return tape.const(np.zeros(shape, numpy_dtype(dtype)))
    none = np.zeros(1, numpy_dtype(dtype))
    return tape.op("ConstantOfShape", tape.op("Shape", scale), value=none)


def taken(op_type: str, param: str, opset: int) -> frozenset[str]:
    """Types that an operator takes as an operand in an opset; none where it is not there."""
    schema = schema_at(op_type, opset)
    if schema is None:
        return frozenset()
    params = [one for one in [*schema.inputs, *schema.outputs] if one.name == param]
    return frozenset(one for each in params for one in each.types)


def takes(op_type: str, param: str, dtype: str | None, opset: int) -> bool:
    """Whether it takes the dtype; one that is not known is taken."""
    return dtype is None or tensor_type(dtype) in taken(op_type, param, opset)


def dequantized(node: NodeView, tape: Tape, out: str | None) -> str | Refusal:
    """Cast, Sub, Mul: (x - zero point) * scale in float32, which `out` is then made of.

    Numbers of up to 16 bits and their differences are exact in float32; of int32 there is no zero
    point, and onnxruntime rounds the number to float32 as Cast does.
    """
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2)
    spread = spread_of(node, x, scale)
    if not isinstance(spread, Spread):
        return spread
    known = x.const
    if known is not None and x.dtype not in ("int8", "uint8", "int16", "uint16", "int32"):
        stored = STAND_INS.get(str(x.dtype), "float32")
        known = known.astype(numpy_dtype(stored))
        value = tape.const(known.reshape(spread.apart) if spread.apart else known)
        value = value if stored == "float32" else tape.cast(value, "float32")
    else:
        value = tape.op("Reshape", x, tape.ints(spread.apart)) if spread.apart else str(x)
        value = tape.cast(value, "float32")
    if not is_zero(zero):
        value = tape.op("Sub", value, spread.over(zero, x, tape))
    value = tape.op("Mul", value, spread.over(scale, x, tape))
    if spread.together:
        value = tape.op("Reshape", value, tape.ints(spread.together))
    return value if out in (None, "float32") else tape.cast(value, str(out))


def quantized(node: NodeView, tape: Tape, dtype: str) -> str | Refusal:
    """The quotient in float32, rounded half to even, moved by the zero point, cut to the range.

    As QuantizeLinear with one scale of 1 where the opset has that for the dtype, else as Clip and
    Cast. What becomes of NaN is left open by the definition.
    """
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2)
    if dtype not in RANGES and not takes("QuantizeLinear", "y", dtype, tape.opset):
        return node.refuse(f"there is no {dtype} to quantize to below opset {node.opset}")
    spread = spread_of(node, x, scale)
    if not isinstance(spread, Spread):
        return spread
    value = str(x) if x.dtype == "float32" else tape.cast(x, "float32")
    if spread.apart:
        value = tape.op("Reshape", value, tape.ints(spread.apart))
    kept = takes("QuantizeLinear", "y", dtype, tape.opset)
    halved = tape.opset < _ROUND and scale.const is not None and not kept and not spread.block
    if halved or scale.const is None or np.any(scale.const != 1):
        value = tape.op("Div", value, spread.over(scale, x, tape, times=2 if halved else 1))
    moved = dtype in RANGES and not is_zero(zero)
    if kept:
        if moved:
            value = tape.op("Add", half_to_even(value, tape), spread.over(zero, x, tape))
        saturate = None if dtype in RANGES else node.attr_int("saturate", 1)
        one, none = tape.const(1, "float32"), tape.const(0, dtype)
        value = tape.op("QuantizeLinear", value, one, none, saturate=saturate)
    else:
        value = half_to_even(value, tape, halved)
        value = tape.op("Add", value, spread.over(zero, x, tape)) if moved else value
        value = saturated(value, dtype, tape)
    return tape.op("Reshape", value, tape.ints(spread.together)) if spread.together else value


def half_to_even(value: str, tape: Tape, halved: bool = False) -> str:
    """Round below 11: floor(x / 2 + 1/4) + ceil(x / 2 - 1/4), exact up to 2^23.

    That is beyond every range that is quantized to. `halved`: it is given x / 2.
    """
    if tape.opset >= _ROUND:
        return tape.op("Round", value)
    half = value if halved else tape.op("Mul", value, tape.const(0.5, "float32"))
    quarter = tape.const(0.25, "float32")
    below = tape.op("Floor", tape.op("Add", half, quarter))
    above = tape.op("Ceil", tape.op("Sub", half, quarter))
    return tape.op("Add", below, above)


def saturated(value: str, dtype: str, tape: Tape) -> str:
    """Whole numbers in float32, cut to the range of the dtype, in that dtype (its stand-in)."""
    low, high = (float(one) for one in RANGES[dtype])
    if tape.opset >= _ROUND:
        ends = [tape.const(one, "float32") for one in (low, high)]
        value = tape.op("Clip", value, *ends)
    else:
        value = tape.op("Clip", value, min=low, max=high)
    return tape.cast(value, STAND_INS.get(dtype, dtype))
