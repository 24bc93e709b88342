"""How large the integers of a value can be, as far as that is known before the model runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyonnxtool.downgrade.dtypes import is_float, is_integer, magnitude_of, precision_of
from pyonnxtool.rewriting.operand import Operand

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool._core import Node

_SIZES = frozenset(["Shape", "Size", "NonZero", "ArgMax", "ArgMin"])
"""Their outputs are sizes of tensors or places in them."""
_SIZE_BITS = 48
"""No tensor has 2^48 elements: that is 256 TB."""
_RESHAPED = ("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Expand")
_TAKEN = (
    "Tile",
    "Gather",
    "GatherND",
    "GatherElements",
    "Slice",
    "Split",
    "ReduceMax",
    "ReduceMin",
)
_PASS_ON = frozenset([*_RESHAPED, *_TAKEN, "ReduceMax", "ReduceMin"])
"""Their outputs are elements of their first input."""
_OF_ALL = frozenset(["Concat", "Max", "Min"])
"""Their outputs are elements of their inputs."""
_DEPTH = 16


def fits(operand: Operand, dtype: str) -> bool:
    """Whether each integer of the value is one of the float or wider integer type `dtype`."""
    bits = bits_needed(operand)
    if bits is None:
        return False
    if is_float(dtype):
        return bits <= precision_of(dtype)
    room = magnitude_of(dtype)
    return is_integer(dtype) and not dtype.startswith("u") and room is not None and bits <= room


def bits_needed(operand: Operand, depth: int = _DEPTH) -> int | None:
    """Bits that the largest absolute value has at most; None: of no integers, or not known."""
    most = magnitude_of(operand.dtype) if operand.dtype else None
    if most is None or not operand:
        return None
    known = operand.const
    if known is not None:
        if known.dtype.kind not in "iub":
            return most
        return max((abs(int(one)).bit_length() for one in _extremes(known)), default=0)
    producer = operand.graph.value(str(operand)).producer
    if producer is None or producer.domain not in ("", "ai.onnx") or not depth:
        return most
    found = _of_node(producer, operand, depth - 1)
    return most if found is None else min(found, most)


def _extremes(known: NDArray[Any]) -> list[int]:
    return [int(known.min()), int(known.max())] if known.size else []


def _of_node(node: Node, made: Operand, depth: int) -> int | None:
    op_type = node.op_type
    if op_type in _SIZES or (op_type == "TopK" and node.output_names[0] != str(made)):
        return _SIZE_BITS
    read = [Operand(name, made.graph, made._facts) for name in node.input_names if name]
    if op_type == "Where":
        read = read[1:]
    elif op_type in _PASS_ON or op_type == "Cast":
        read = read[:1]
    elif op_type not in _OF_ALL:
        return None
    found = [bits_needed(one, depth) for one in read]
    if None in found or not found:
        return None
    return max(one for one in found if one is not None)
