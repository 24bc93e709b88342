"""Sums, activations and normalizations of com.microsoft with a gate or a scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS
from pyonnxtool.symbolics._floats import as_dtype, not_float
from pyonnxtool.symbolics._sizes import size_of

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_WIDE = "float32"
_EPSILON = 1e-5


@SYMBOLICS.add("com.microsoft::GatedAdd")
def gated_add(node: NodeView, tape: Tape) -> Decision:
    """Mul and Add."""
    x, y, gate = node.inputs[:3]
    return tape.op("Add", x, tape.op("Mul", y, gate))


@SYMBOLICS.add("com.microsoft::ScaledSiLU")
def scaled_silu(node: NodeView, tape: Tape) -> Decision:
    """Mul with the scale in float32, then Sigmoid and Mul."""
    x, scale = node.inputs[0], node.arg(1)
    if (refusal := not_float(node, x)) is not None:
        return refusal
    dtype = x.dtype or ""
    factor = tape.const(node.attr_float("alpha", 1.0), _WIDE)
    if scale:
        wide = as_dtype(scale, scale.dtype or "", _WIDE, tape)
        factor = tape.op("Reshape", wide, tape.ints([]))
    scaled = tape.op("Mul", as_dtype(x, dtype, _WIDE, tape), factor)
    z = as_dtype(scaled, _WIDE, dtype, tape)
    return tape.op("Mul", z, tape.op("Sigmoid", z))


@SYMBOLICS.add("com.microsoft::GatedRMSNorm")
def gated_rms_norm(node: NodeView, tape: Tape) -> Decision:
    """RMSNormalization of each part as long as the scale, times the gate's activation."""
    x, scale, gate = node.inputs[:3]
    size, kind = size_of(scale, 0).known, node.attr_str("activation", "silu")
    if (refusal := not_float(node, x)) is not None:
        return refusal
    if size is None:
        return node.refuse_dynamic("the size of its scale")
    if kind not in ("silu", "swish", "sigmoid"):
        return node.refuse(f"activation={kind!r} is neither silu, swish nor sigmoid")
    dtype, parts = x.dtype or "", tape.ints([-1, size])
    normal = tape.op(
        "RMSNormalization",
        tape.op("Reshape", as_dtype(x, dtype, _WIDE, tape), parts),
        as_dtype(scale, scale.dtype or "", _WIDE, tape),
        axis=-1,
        epsilon=node.attr_float("epsilon", _EPSILON),
    )
    z = as_dtype(gate, gate.dtype or dtype, _WIDE, tape)
    opened = (
        tape.op("Sigmoid", z) if kind == "sigmoid" else tape.op("Mul", z, tape.op("Sigmoid", z))
    )
    made = tape.op("Mul", tape.op("Reshape", normal, tape.op("Shape", x)), opened)
    return as_dtype(made, _WIDE, dtype, tape)
