"""Constant from 11 to 10: a sparse tensor becomes a dense one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import numpy_helper

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import SparseTensorProto

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_LARGEST = 2**28
"""Elements of a dense tensor that are still written."""


@ADAPTERS.add(("Constant", 11))
def _dense(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: a sparse tensor becomes a dense one."""
    if not node.given("sparse_value"):
        return KEEP if node.given("value") else node.refuse("it has no value")
    for attribute in node.to_proto().attribute:
        if attribute.name == "sparse_value":
            sparse = attribute.sparse_tensor
            if (
                any(size < 0 for size in sparse.dims)
                or np.prod(sparse.dims, dtype=float) > _LARGEST
            ):
                return node.refuse(f"its shape is {list(sparse.dims)}, too large to be dense")
            array = _filled(sparse)
            if array is not None:
                return tape.op("Constant", value=array)
    return node.refuse("its indices do not fit its values and its shape")


def _filled(sparse: SparseTensorProto) -> NDArray[np.generic] | None:
    """None when the indices do not fit."""
    values = numpy_helper.to_array(sparse.values)
    indices = numpy_helper.to_array(sparse.indices)
    shape = tuple(sparse.dims)
    made = np.zeros(int(np.prod(shape, dtype=np.int64)), values.dtype)
    if values.dtype == object:
        made[:] = ""
    if indices.ndim == 2 and indices.shape[1] == len(shape):
        inside = (indices >= 0) & (indices < np.array(shape, np.int64))
        if not inside.all():
            return None
        indices = np.ravel_multi_index(tuple(indices.T), shape) if indices.size else indices[:, 0]
    if indices.ndim != 1 or len(indices) != values.size:
        return None
    if ((indices < 0) | (indices >= made.size)).any():
        return None
    made[indices] = values.ravel()
    return made.reshape(shape)
