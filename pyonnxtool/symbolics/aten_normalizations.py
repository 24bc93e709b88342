"""Normalizations, as torch has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.rewriting.refusal import Refusal
from pyonnxtool.symbolics._aten import aten, dims_of
from pyonnxtool.symbolics._terms import Term

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.tape import Tape


@aten(
    "layer_norm",
    "Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps, "
    "bool cudnn_enable",
)
def layer_norm(
    node: NodeView,
    tape: Tape,
    input: Operand,
    normalized_shape: Sequence[int],
    weight: Operand,
    bias: Operand,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Decision:
    """LayerNormalization."""
    scale = str(weight) or _ones(tape, input, normalized_shape)
    if scale is None:
        return node.refuse_dynamic("the type of its input")
    axis = -len(normalized_shape)
    return tape.op("LayerNormalization", input, scale, bias, axis=axis, epsilon=eps)


@aten("rms_norm", "Tensor input, int[] normalized_shape, Tensor? weight, float? eps")
def rms_norm(
    node: NodeView,
    tape: Tape,
    input: Operand,
    normalized_shape: Sequence[int],
    weight: Operand,
    eps: float | None,
) -> Decision:
    """RMSNormalization."""
    scale = str(weight) or _ones(tape, input, normalized_shape)
    if scale is None or input.dtype is None:
        return node.refuse_dynamic("the type of its input")
    if eps is None:
        eps = float(np.finfo(numpy_dtype(input.dtype)).eps)
    axis = -len(normalized_shape)
    return tape.op("RMSNormalization", input, scale, axis=axis, epsilon=eps)


def _ones(tape: Tape, like: Operand, shape: Sequence[int]) -> str | None:
    return None if like.dtype is None else tape.const(np.ones(list(shape)), like.dtype)


@aten(
    "group_norm",
    "Tensor input, int num_groups, Tensor? weight, Tensor? bias, float eps, bool cudnn_enabled",
)
def group_norm(
    node: NodeView,
    tape: Tape,
    input: Operand,
    num_groups: int,
    weight: Operand,
    bias: Operand,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Decision:
    """GroupNormalization."""
    channels = input.shape[1] if input.shape is not None and len(input.shape) > 1 else None
    if (channels is None or input.dtype is None) and not (weight and bias):
        return node.refuse_dynamic("how many channels it has")
    scale = str(weight) or tape.const(np.ones(channels or 0), input.dtype)
    shift = str(bias) or tape.const(np.zeros(channels or 0), input.dtype)
    return tape.op("GroupNormalization", input, scale, shift, num_groups=num_groups, epsilon=eps)


@aten("_weight_norm", "Tensor v, Tensor g, int dim")
def weight_norm(node: NodeView, tape: Tape, v: Operand, g: Operand, dim: int = 0) -> Decision:
    """Mul, and Div by the norm of what has one place on the axis."""
    if v.rank is None or v.dtype is None:
        return node.refuse_dynamic("the rank of its weight")
    others = None
    if dim != -1:  # which is the norm of all
        axes = dims_of(node, v, dim)
        if isinstance(axes, Refusal):
            return axes
        others = [axis for axis in range(v.rank) if axis != axes[0]]
    x = Term(tape, v, v.dtype)
    norm = (x * x).over("ReduceSum", others, keep=True).of("Sqrt")
    return (x * (Term(tape, g, v.dtype) / norm)).name
