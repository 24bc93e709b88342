"""Large constants that symbolics make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx import numpy_helper

from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyonnxtool.rewriting.tape import Tape


def weights(tape: Tape, array: NDArray[Any], dtype: str) -> str:
    """A constant of the dtype. It is not looked for among the others, as `Tape.const` does."""
    tensor = numpy_helper.from_array(array.astype(numpy_dtype(dtype)), tape.fresh("const"))
    tape.constants.append(tensor)
    return tensor.name
