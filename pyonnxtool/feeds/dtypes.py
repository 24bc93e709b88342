"""Element types by name, as numpy knows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyonnxtool.errors import ModelError

_EXTENSIONS = {
    "bfloat16": "bfloat16",
    "float8e4m3fn": "float8_e4m3fn",
    "float8e4m3fnuz": "float8_e4m3fnuz",
    "float8e5m2": "float8_e5m2",
    "float8e5m2fnuz": "float8_e5m2fnuz",
    "float8e8m0": "float8_e8m0fnu",
    "float4e2m1": "float4_e2m1fn",
    "float6e2m3": "float6_e2m3fn",
    "float6e3m2": "float6_e3m2fn",
    "int4": "int4",
    "uint4": "uint4",
    "int2": "int2",
    "uint2": "uint2",
}


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The numpy (or ml_dtypes) type of an element type as `Value.dtype` names it.

    Raises ModelError for one that ONNX does not have ("type 99").
    """
    if name == "string":
        return np.dtype(object)
    if name in _EXTENSIONS:
        import ml_dtypes  # noqa: PLC0415 - most models have none of these

        extension: np.dtype[Any] = np.dtype(getattr(ml_dtypes, _EXTENSIONS[name]))
        return extension
    try:
        return np.dtype(name)
    except TypeError:
        raise ModelError(f"{name!r} is no element type that can be fed") from None


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The other way around; "string" for text and objects."""
    if dtype.kind in "OUST":
        return "string"
    backwards = {numpy: name for name, numpy in _EXTENSIONS.items()}
    return backwards.get(dtype.name, dtype.name)


def is_float(name: str) -> bool:
    """Whether the elements have a fraction."""
    return name.startswith(("float", "bfloat"))
