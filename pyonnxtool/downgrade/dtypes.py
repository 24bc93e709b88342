"""Element types: which of them hold every value of another, and which an operator takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.op_schemas import schema_at

if TYPE_CHECKING:
    from collections.abc import Iterable

_INTEGERS = {f"{sign}int{bits}": bits for sign in ("", "u") for bits in (2, 4, 8, 16, 32, 64)}
_PRECISION = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
"""Bits of the largest range of integers around zero that the type holds without a gap."""
_FLOAT8 = ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "float8e8m0")
_TINY_FLOATS = frozenset([*_FLOAT8, "float4e2m1", "float6e2m3", "float6e3m2"])
"""Every value of each is a float32."""

_LESS_USUAL = ("uint32", "uint64", "int16", "uint16", "int8", "uint8", "bool")
PREFERRED = ("int32", "int64", "float32", "float64", *_LESS_USUAL)
"""What runtimes have kernels for comes first."""


def dtype_of(text: str) -> str:
    """The element type, "float32", of "tensor(float)"; "" of what is no tensor."""
    if not text.startswith("tensor("):
        return ""
    name = text[len("tensor(") : -1]
    return {"float": "float32", "double": "float64"}.get(name, name)


def dtypes_of(texts: Iterable[str]) -> frozenset[str]:
    """Those of all tensors among the types."""
    return frozenset(dtype_of(one) for one in texts) - {""}


def is_integer(dtype: str) -> bool:
    """Whether it is an integer type; bool is none."""
    return dtype in _INTEGERS


def is_float(dtype: str) -> bool:
    """Of any width."""
    return dtype in _PRECISION or dtype in _TINY_FLOATS


def bits_of(dtype: str) -> int:
    """Width of an integer type."""
    return _INTEGERS[dtype]


def precision_of(dtype: str) -> int:
    """Integers of this many bits are exact in the float type; 0 for types of 8 bits and less."""
    return _PRECISION.get(dtype, 0)


def magnitude_of(dtype: str) -> int | None:
    """Bits of the largest absolute value, one that is a power of two aside; None for floats."""
    if dtype == "bool":
        return 1
    bits = _INTEGERS.get(dtype)
    return bits if bits is None or dtype.startswith("u") else bits - 1


def holds(wide: str, narrow: str) -> bool:
    """Whether every value of `narrow` is one of `wide`: a Cast there and back is nothing."""
    if wide == narrow:
        return True
    need = magnitude_of(narrow)
    if need is None:
        if narrow in _TINY_FLOATS or narrow in ("float16", "bfloat16"):
            return wide in ("float32", "float64")
        return (wide, narrow) == ("float64", "float32")
    if is_float(wide):
        return need <= precision_of(wide) and wide != "bfloat16"
    signed = narrow != "bool" and not narrow.startswith("u")
    room = magnitude_of(wide)
    return (
        wide != "bool"
        and room is not None
        and need <= room
        and not (signed and wide.startswith("u"))
    )


def can_cast(dtype: str, opset: int) -> bool:
    """Whether Cast takes and gives the type in an opset: then values of it can be converted."""
    schema = schema_at("Cast", opset)
    assert schema is not None
    return all(dtype in dtypes_of(one.allowed_type_strs) for one in schema.type_constraints)
