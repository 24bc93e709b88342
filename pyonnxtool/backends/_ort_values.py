"""Tensors to and from onnxruntime for the element types that its numpy bridge lacks."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import ml_dtypes
import numpy as np
import onnxruntime as ort

from pyonnxtool.backends import Array, OutputType

# onnxruntime's type name -> ONNX TensorProto.DataType, numpy type, elements in a byte.
_EXOTIC: dict[str, tuple[int, np.dtype[Any], int]] = {
    "tensor(bfloat16)": (16, np.dtype(ml_dtypes.bfloat16), 1),
    "tensor(float8e4m3fn)": (17, np.dtype(ml_dtypes.float8_e4m3fn), 1),
    "tensor(float8e4m3fnuz)": (18, np.dtype(ml_dtypes.float8_e4m3fnuz), 1),
    "tensor(float8e5m2)": (19, np.dtype(ml_dtypes.float8_e5m2), 1),
    "tensor(float8e5m2fnuz)": (20, np.dtype(ml_dtypes.float8_e5m2fnuz), 1),
    "tensor(uint4)": (21, np.dtype(ml_dtypes.uint4), 2),
    "tensor(int4)": (22, np.dtype(ml_dtypes.int4), 2),
    "tensor(float4e2m1)": (23, np.dtype(ml_dtypes.float4_e2m1fn), 2),
    "tensor(uint2)": (25, np.dtype(ml_dtypes.uint2), 4),
    "tensor(int2)": (26, np.dtype(ml_dtypes.int2), 4),
}


_NAMES = {"float": "float32", "double": "float64"}


def output_type(value: Any) -> OutputType:
    """Dtype and shape of a session's output. An unknown rank looks like a scalar's to Python.

    A sequence of tensors has the dtype "sequence(float32)" and no shape.
    """
    sequence = value.type.startswith("seq(tensor(")
    if not value.type.startswith("tensor(") and not sequence:
        return None, None
    name = value.type.removeprefix("seq(").removeprefix("tensor(").rstrip(")")
    dtype = _NAMES.get(name, name)
    return (f"sequence({dtype})", None) if sequence else (dtype, tuple(value.shape))


def needs_ort_value(type_name: str) -> bool:
    """Whether a value of this onnxruntime type cannot pass as a numpy array."""
    return type_name in _EXOTIC


def to_ort(array: Array, type_name: str) -> Any:
    """What onnxruntime takes as a feed: the array itself, or an OrtValue (one copy)."""
    if type_name not in _EXOTIC:
        return array
    number, dtype, per_byte = _EXOTIC[type_name]
    if array.dtype != dtype:
        raise TypeError(f"Unexpected input data type. Actual: {array.dtype}, expected: {dtype}")
    stored = _packed(array, per_byte)
    value = ort.OrtValue.ortvalue_from_shape_and_type(list(array.shape), number, "cpu")
    ctypes.memmove(value.data_ptr(), stored.ctypes.data, stored.nbytes)
    return value


def to_ort_value(feed: Any) -> Any:
    """Always an OrtValue, which shares the memory of a contiguous array."""
    if isinstance(feed, np.ndarray):
        return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(feed))
    return feed


def from_ort(value: Any) -> Array:
    """The tensor as numpy: a view where a byte holds an element, else a copy."""
    if value.data_type() not in _EXOTIC:
        array: Array = value.numpy()
        return array
    _, dtype, per_byte = _EXOTIC[value.data_type()]
    shape = tuple(value.shape())
    count = math.prod(shape)
    size = -(-count // per_byte) * dtype.itemsize
    if size == 0:
        return np.empty(shape, dtype)
    stored = (ctypes.c_ubyte * size).from_address(value.data_ptr())
    stored._owner = value  # the view keeps the memory alive
    raw: Array = np.frombuffer(stored, np.uint8)
    if per_byte > 1:
        raw = _unpacked(raw, per_byte, count)
    return raw.view(dtype).reshape(shape)


def _packed(array: Array, per_byte: int) -> Array:
    """Low bits first, as ONNX stores types below a byte."""
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    if per_byte == 1:
        return flat
    bits = 8 // per_byte
    padded = np.zeros(-(-flat.size // per_byte) * per_byte, np.uint8)
    padded[: flat.size] = flat & ((1 << bits) - 1)
    shifts = np.arange(per_byte, dtype=np.uint8) * bits
    packed: Array = np.bitwise_or.reduce(padded.reshape(-1, per_byte) << shifts, axis=1)
    return packed.astype(np.uint8)


def _unpacked(raw: Array, per_byte: int, count: int) -> Array:
    """One element a byte, as ml_dtypes keeps them (the sign is in the low bits)."""
    bits = 8 // per_byte
    shifts = np.arange(per_byte, dtype=np.uint8) * bits
    codes: Array = (raw[:, None] >> shifts) & ((1 << bits) - 1)
    return codes.reshape(-1)[:count].astype(np.uint8)
