"""A Resize of known sizes as Gathers (nearest) or products with constant weights (linear, cubic).

Each axis is seen to on its own. The products are those of the Resize but for zeros, so that a value
that is not finite is NaN in all of its row and column, where the Resize has it in a few elements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.downgrade.adapters._sampling import coordinates, nearest, outside, weights
from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pyonnxtool.downgrade.adapters._sampling import Axis, Sampling
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

COMPUTED_IN = {"float16": "float32", "bfloat16": "float32", "float32": "float32"} | {
    "float64": "float64"
}
"""What weights are multiplied in: each product rounded once, also where it is a narrow float."""


def resampled(
    node: NodeView, tape: Tape, sampling: Sampling, axes: Sequence[Axis]
) -> str | Refusal:
    """The value that a Resize with these attributes makes of its input X."""
    if sampling.mode == "nearest":
        made = _picked(node, tape, sampling, axes)
    else:
        weighed = _weighed(node, tape, sampling, axes)
        if isinstance(weighed, Refusal):
            return weighed
        made = weighed
    if not sampling.crops:
        return made
    return _filled(node, tape, axes, made)


def _dtype(node: NodeView) -> type[np.floating[Any]]:
    return np.float64 if node.dtype("X") == "float64" else np.float32


def _picked(node: NodeView, tape: Tape, sampling: Sampling, axes: Sequence[Axis]) -> str:
    value = str(node["X"])
    for axis in sorted(axes, key=lambda one: one.scale):
        places = coordinates(sampling.coordinates, axis, _dtype(node))
        index = nearest(sampling.nearest, places, axis.size)
        if not np.array_equal(index, np.arange(axis.size)):
            value = tape.op("Gather", value, tape.const(index), axis=axis.axis)
    return value


def _weighed(node: NodeView, tape: Tape, sampling: Sampling, axes: Sequence[Axis]) -> str | Refusal:
    shape = node.shape("X")
    computed = COMPUTED_IN.get(node.dtype("X") or "")
    if computed is None or shape is None:
        # Runtimes do not agree in how integers are rounded.
        return node.refuse(f"{node.dtype('X')} elements are interpolated")
    value, sizes = str(node["X"]), list(shape)
    if node.dtype("X") != computed:
        value = tape.cast(value, computed)
    for axis in sorted(axes, key=lambda one: one.scale):
        matrix = weights(sampling, axis, _dtype(node))
        if not np.array_equal(matrix, np.eye(axis.size, dtype=matrix.dtype)):
            value = multiplied(tape, value, matrix, axis.axis, sizes)
        sizes[axis.axis] = axis.resized
    return value if node.dtype("X") == computed else tape.cast(value, node.dtype("X") or "")


def multiplied(
    tape: Tape, value: str, matrix: NDArray[Any], axis: int, sizes: Sequence[int | None]
) -> str:
    """[resized, size] times the value along one axis; `sizes` are those that the value has."""
    rank = len(sizes)
    if axis == rank - 1:
        return tape.op("MatMul", value, tape.const(np.ascontiguousarray(matrix.T)))
    if axis == rank - 2:
        return tape.op("MatMul", tape.const(matrix), value)
    behind = [size for size in sizes[axis + 1 :] if size]
    if len(behind) == rank - axis - 1:
        rows = tape.op("Reshape", value, tape.ints([0] * (axis + 1) + [-1]))
        product = tape.op("MatMul", tape.const(matrix), rows)
        return tape.op("Reshape", product, tape.ints([0] * axis + [len(matrix), *behind]))
    swap = list(range(rank))
    swap[axis], swap[-1] = swap[-1], swap[axis]
    columns = tape.op("Transpose", value, perm=swap)
    product = tape.op("MatMul", columns, tape.const(np.ascontiguousarray(matrix.T)))
    return tape.op("Transpose", product, perm=swap)


def _filled(node: NodeView, tape: Tape, axes: Sequence[Axis], value: str) -> str:
    """`extrapolation_value` where a place is outside of the input, on any axis."""
    rank = node.rank("X")
    assert rank is not None
    out = np.zeros([1] * rank, np.bool_)
    for axis in axes:
        mask = outside(coordinates("tf_crop_and_resize", axis, _dtype(node)), axis.size)
        out = out | mask.reshape([-1 if one == axis.axis else 1 for one in range(rank)])
    if not out.any():
        return value
    fill = tape.const(np.array(node.attr_float("extrapolation_value")), node.dtype("X"))
    return tape.op("Where", tape.const(out), fill, value)
