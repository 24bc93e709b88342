"""Conversions. A cast to a float type keeps float64: the truth has no rounding in the middle."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_cast import cast_to

from pyonnxtool.backends._fp64_ops import EXACT

_REAL = {
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.FLOAT16,
    TensorProto.BFLOAT16,
}


@EXACT.add("Cast")
class Cast(OpRun):
    """float8 and smaller are still rounded to: those casts quantize."""

    def _run(
        self, x: Any, to: int = 1, saturate: int = 1, round_mode: str | None = None
    ) -> tuple[Any]:
        return (_cast(x, to, saturate, round_mode),)


@EXACT.add("CastLike")
class CastLike(OpRun):
    """As Cast to the second input's type."""

    def _run(
        self, x: Any, like: Any, saturate: int = 1, round_mode: str | None = None
    ) -> tuple[Any]:
        text = like.dtype.kind in "OU"
        to = TensorProto.STRING if text else helper.np_dtype_to_tensor_dtype(like.dtype)
        return (_cast(x, to, saturate, round_mode),)


def _cast(x: Any, to: Any, saturate: int, round_mode: str | None) -> Any:
    if to in _REAL:
        return x.astype(np.float64)
    return cast_to(x, to, bool(saturate), round_mode or "up")
