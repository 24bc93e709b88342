"""Which element types hold every value of another, and what Cast of an opset takes."""

from __future__ import annotations

from functools import cache

from pyonnxtool.errors import UsageError
from pyonnxtool.feeds.dtypes import is_float
from pyonnxtool.op_schemas import schema_at, tensor_type

_OTHER_NAMES = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "fp16": "float16",
    "fp32": "float32",
    "fp64": "float64",
    "bf16": "bfloat16",
}
_SIGNIFICANT = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
"""Bits of a number, the leading one included."""
_EXPONENT = {"float64": 11, "float32": 8, "bfloat16": 8, "float16": 5}


def dtype_called(text: str, opset: int) -> str:
    """The element type of this name, which Cast has to take. Raises UsageError."""
    name = _OTHER_NAMES.get(text.lower(), text.lower())
    known = castable(opset)
    if name not in known:
        raise UsageError(
            f"{text!r} is no element type that Cast of opset {opset} takes; it takes: "
            f"{', '.join(sorted(known))}"
        )
    return name


@cache
def castable(opset: int) -> frozenset[str]:
    """Element types that Cast makes of numbers, by the names that values have."""
    schema = schema_at("Cast", opset)
    if schema is None:
        return frozenset()
    taken = {kind for one in schema.type_constraints for kind in one.allowed_type_strs}
    plain = {"float": "float32", "double": "float64"}
    names = {kind.removeprefix("tensor(").removesuffix(")") for kind in taken}
    return frozenset(plain.get(name, name) for name in names) - {"string"}


def cast_target(dtype: str, opset: int) -> int | str:
    """What the attribute `to` of a Cast is."""
    from onnx import TensorProto  # noqa: PLC0415 - loaded when it is needed

    name = tensor_type(dtype)[len("tensor(") : -1].upper()
    return name if opset < 6 else int(TensorProto.DataType.Value(name))


def holds(dtype: str, other: str) -> bool:
    """Whether every value of `other` is one of `dtype` too, so that a Cast there changes none."""
    if other in (dtype, "bool"):
        return True
    if dtype == "bool":
        return False
    if dtype in _SIGNIFICANT and other in _SIGNIFICANT:
        return _SIGNIFICANT[dtype] >= _SIGNIFICANT[other] and _EXPONENT[dtype] >= _EXPONENT[other]
    if is_float(other):
        return False
    least, most = _range(other)
    if is_float(dtype):
        return dtype in _SIGNIFICANT and max(-least, most) <= 2 ** _SIGNIFICANT[dtype]
    return _range(dtype)[0] <= least and most <= _range(dtype)[1]


def _range(dtype: str) -> tuple[int, int]:
    """The least and the greatest of an integer type: "int4", "uint16"."""
    bits = int(dtype.rpartition("int")[2])
    return (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def kind_of(dtype: str) -> str:
    """What a glob of names does not mix: "float", "int", or another type itself."""
    if is_float(dtype):
        return "float"
    return "int" if "int" in dtype else dtype
