"""Streams beside each other, in place of one residual, of com.microsoft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._floats import as_dtype, not_float

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_WIDE = "float32"
_EPSILON = 1e-5
_SMALLEST = 1e-6
"""What the root of a gate is taken of at least."""


@dataclass(frozen=True)
class _Streams:
    """In float32, with an axis of their own: (..., branches, size)."""

    value: str
    branches: int
    size: int
    flat: bool
    """They share an axis in the operands."""
    rank: int
    """With the axis of their own."""


@SYMBOLICS.add("com.microsoft::BranchwiseRMSNorm")
def branchwise_rms_norm(node: NodeView, tape: Tape) -> Decision:
    """RMSNormalization of each branch, and Mul with the scale."""
    streams = _streams(node, tape)
    if not isinstance(streams, _Streams):
        return streams
    x, scale = node.inputs[0], node.arg(1)
    one = tape.const(np.ones(streams.size), _WIDE)
    epsilon = node.attr_float("epsilon", _EPSILON)
    made = tape.op("RMSNormalization", streams.value, one, axis=-1, epsilon=epsilon)
    if scale:
        wide = as_dtype(scale, scale.dtype or "", _WIDE, tape)
        if scale.static_shape == (streams.branches * streams.size,):
            wide = tape.op("Reshape", wide, tape.ints([streams.branches, streams.size]))
        made = tape.op("Mul", made, wide)
    if streams.flat:
        made = tape.op("Reshape", made, tape.op("Shape", x))
    return as_dtype(made, _WIDE, x.dtype or "", tape)


@SYMBOLICS.add("com.microsoft::HyperConnectionPreMix")
def hyper_connection_pre_mix(node: NodeView, tape: Tape) -> Decision:
    """Mul with the gates, ReduceSum over the streams, and Mul."""
    streams = _streams(node, tape)
    if not isinstance(streams, _Streams):
        return streams
    gates = _gates(node, node.inputs[1], streams, tape)
    summed = tape.op("ReduceSum", tape.op("Mul", streams.value, gates), tape.ints([-2]), keepdims=0)
    scale = node.attr_float("reduction_scale", 1.0)
    made = summed if scale == 1.0 else tape.op("Mul", summed, tape.const(scale, _WIDE))
    return as_dtype(made, _WIDE, node.inputs[0].dtype or "", tape)


@SYMBOLICS.add("com.microsoft::HyperConnectionPostMix")
def hyper_connection_post_mix(node: NodeView, tape: Tape) -> Decision:
    """MatMul of the streams, and the block's output by the gates added to each."""
    streams = _streams(node, tape)
    if not isinstance(streams, _Streams):
        return streams
    x, block, post, mix = node.inputs[0], node.inputs[1], node.inputs[2], node.arg(3)
    mixed = streams.value
    if mix:
        order = [*range(streams.rank - 2), streams.rank - 1, streams.rank - 2]
        turned = tape.op("Transpose", as_dtype(mix, mix.dtype or "", _WIDE, tape), perm=order)
        mixed = tape.op("MatMul", turned, mixed)
    wide = as_dtype(block, block.dtype or "", _WIDE, tape)
    injected = tape.op(
        "Mul", tape.op("Unsqueeze", wide, tape.ints([-2])), _gates(node, post, streams, tape)
    )
    made = tape.op("Add", mixed, injected)
    if streams.flat:
        made = tape.op("Reshape", made, tape.op("Shape", x))
    return as_dtype(made, _WIDE, x.dtype or "", tape)


@SYMBOLICS.add("com.microsoft::EngramGate")
def engram_gate(node: NodeView, tape: Tape) -> Decision:
    """RMSNormalization of keys and queries, the root of their product, Sigmoid, and Mul."""
    key, query, value = node.inputs[:3]
    size = (key.shape or (None,))[-1]
    if (refusal := not_float(node, key)) is not None:
        return refusal
    if size is None:
        return node.refuse_dynamic("the hidden size")
    dtype, epsilon = key.dtype or "", node.attr_float("epsilon", _EPSILON)

    def normal(given: str, scale: Operand) -> str:
        ones = tape.const(np.ones(size), _WIDE)
        made = tape.op("RMSNormalization", given, ones, axis=-1, epsilon=epsilon)
        return tape.op("Mul", made, as_dtype(scale, scale.dtype or "", _WIDE, tape))

    k, q = (
        normal(as_dtype(one, dtype, _WIDE, tape), node.inputs[place])
        for one, place in ((key, 3), (query, 4))
    )
    summed = tape.op("ReduceSum", tape.op("Mul", k, q), tape.ints([-1]), keepdims=1)
    dot = tape.op("Div", summed, tape.const(np.sqrt(np.float32(size)), _WIDE))
    root = tape.op("Sqrt", tape.op("Max", tape.op("Abs", dot), tape.const(_SMALLEST, _WIDE)))
    gate = tape.op("Sigmoid", tape.op("Mul", tape.op("Sign", dot), root))
    wide = tape.op("Unsqueeze", as_dtype(value, dtype, _WIDE, tape), tape.ints([2]))
    made = tape.op("Mul", gate, wide)
    shown = normal(made, node.arg(5)) if node.out(1) and node.arg(5) else ""
    narrow = as_dtype(made, _WIDE, dtype, tape)
    return narrow, as_dtype(shown, _WIDE, dtype, tape) if shown else ""


def _streams(node: NodeView, tape: Tape) -> _Streams | Refusal:
    x, count = node.inputs[0], node.attr_int("num_branches", 0)
    shape = x.shape
    if (refusal := not_float(node, x)) is not None:
        return refusal
    if shape is None or len(shape) < (1 if count else 2):
        return node.refuse_dynamic("the rank of its streams")
    size, branches = shape[-1], count or shape[-2]
    if size is None or branches is None:
        return node.refuse_dynamic("how many streams there are, or their size,")
    value = as_dtype(x, x.dtype or "", _WIDE, tape)
    if not count:
        return _Streams(value, branches, size, flat=False, rank=len(shape))
    if count < 1 or size % count:
        return node.refuse(f"num_branches={count} does not divide {size}")
    return _Streams(
        _apart(value, count, tape), count, size // count, flat=True, rank=len(shape) + 1
    )


def _apart(value: str, count: int, tape: Tape) -> str:
    """The last axis as `count` and what there is of each."""
    sizes = tape.op("Concat", tape.op("Shape", value, end=-1), tape.ints([count, -1]), axis=0)
    return tape.op("Reshape", value, sizes)


def _gates(node: NodeView, gates: Operand, streams: _Streams, tape: Tape) -> str:
    """Of branches, or of each element of theirs: (..., branches, 1 or size)."""
    wide = as_dtype(gates, gates.dtype or "", _WIDE, tape)
    shape = gates.shape
    if shape is not None and len(shape) == streams.rank:
        return wide
    if shape is not None and shape[-1] == streams.branches * streams.size and streams.size > 1:
        return _apart(wide, streams.branches, tape)
    return tape.op("Unsqueeze", wide, tape.ints([-1]))
