"""Mixtures of experts: each expert is two products with an activation between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyonnxtool.symbolics._attributes import flag
from pyonnxtool.symbolics._floats import as_dtype, not_float

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_WIDE = "float32"
"""In which experts are chosen, and what they give is summed."""
_ACTIVATIONS = ("relu", "gelu", "silu", "swiglu", "identity")


@dataclass(frozen=True)
class Experts:
    """The operands of a node, whose first two inputs are the rows and the router's logits."""

    node: NodeView
    count: int
    hidden: int
    """Of the input."""
    inner: int
    """Of an expert, after its activation."""
    weights: tuple[str, str, str]
    """(experts, out, in) of each product; the last is of the linear part of swiglu, or ""."""
    biases: tuple[str, str, str]
    """(experts, out), or ""."""
    normalized: bool
    """What the chosen ones have of a row adds up to 1."""
    shares: str = ""
    """What experts have of each row, where that is not what chooses them: (rows, experts)."""

    @property
    def dtype(self) -> str:
        """Of the rows."""
        return self.node.inputs[0].dtype or ""


def experts_refusal(node: NodeView, linear: str) -> Refusal | None:
    """Why they cannot be computed; `linear` are the weights of the third product."""
    kind = node.attr_str("activation_type", "relu")
    fused = node.attr_int("swiglu_fusion", 0)
    apart = kind == "swiglu" and not fused
    wrong = {
        f"activation_type={kind!r} is none that is known": kind not in _ACTIVATIONS,
        "use_sparse_mixer=1 chooses experts by a rule of its own": flag(node, "use_sparse_mixer"),
        f"swiglu_fusion={fused} is not that of {kind!r}": fused and kind != "swiglu",
        "swiglu_fusion=0 needs its input `fc3_experts_weights`": apart and not linear,
        "`fc3_experts_weights` go with swiglu and swiglu_fusion=0 alone": linear and not apart,
    }
    found = next((why for why, is_so in wrong.items() if is_so), None)
    return not_float(node, node.inputs[0]) if found is None else node.refuse(found)


def mixture(experts: Experts, tape: Tape) -> str:
    """All experts for each row, and the sum of those that the router chooses.

    What is not chosen is computed as well, and left out.
    """
    given, dtype = experts.node.inputs[0], experts.dtype
    rows = tape.op("Reshape", given, tape.ints([1, -1, experts.hidden]))
    inner = _activated(experts, _linear(experts, rows, 0, tape), rows, tape)
    made = as_dtype(_linear(experts, inner, 1, tape), dtype, _WIDE, tape)
    shares = _shares(experts, tape)
    none = tape.const(0.0, _WIDE)
    taken = tape.op("Greater", shares, none)
    parts = tape.op("Where", taken, tape.op("Mul", made, shares), none)
    summed = tape.op("ReduceSum", parts, tape.ints([0]), keepdims=0)
    return tape.op("Reshape", as_dtype(summed, _WIDE, dtype, tape), tape.op("Shape", given))


def _linear(experts: Experts, rows: str, place: int, tape: Tape) -> str:
    turned = tape.op("Transpose", experts.weights[place], perm=[0, 2, 1])
    made = tape.op("MatMul", rows, turned)
    bias = experts.biases[place]
    return tape.op("Add", made, tape.op("Unsqueeze", bias, tape.ints([1]))) if bias else made


def _activated(experts: Experts, value: str, rows: str, tape: Tape) -> str:
    kind = experts.node.attr_str("activation_type", "relu")
    if kind == "relu":
        return tape.op("Relu", value)
    if kind == "gelu":
        return tape.op("Gelu", value, approximate="tanh")
    if kind == "silu":
        return tape.op("Mul", value, tape.op("Sigmoid", value))
    return value if kind == "identity" else _swiglu(experts, value, rows, tape)


def _swiglu(experts: Experts, value: str, rows: str, tape: Tape) -> str:
    """The gate by its Sigmoid, times what is linear."""
    node = experts.node
    fusion = node.attr_int("swiglu_fusion", 0)
    if not fusion:
        gate, linear = value, _linear(experts, rows, 2, tape)
    else:
        parts = [experts.inner, 2] if fusion == 1 else [2, experts.inner]
        apart = tape.op("Reshape", value, tape.ints([experts.count, -1, *parts]))
        gate, linear = (
            tape.op("Gather", apart, tape.const(i, "int64"), axis=4 - fusion) for i in (0, 1)
        )
    if node.given("swiglu_limit"):
        limit = node.attr_float("swiglu_limit")
        top = tape.const(limit, experts.dtype)
        gate = tape.op("Min", gate, top)
        linear = tape.op("Clip", linear, tape.const(-limit, experts.dtype), top)
    alpha, beta = node.attr_float("activation_alpha", 1.0), node.attr_float("activation_beta", 0.0)
    bent = tape.op("Sigmoid", tape.op("Mul", gate, tape.const(alpha, experts.dtype)))
    moved = tape.op("Add", linear, tape.const(beta, experts.dtype))
    return tape.op("Mul", tape.op("Mul", gate, bent), moved)


def _shares(experts: Experts, tape: Tape) -> str:
    """What each expert has of each row: (experts, rows, 1); 0 where it is not among the first."""
    node = experts.node
    router = node.arg(1)
    logits = as_dtype(router, router.dtype or "", _WIDE, tape)
    probabilities = tape.op("Softmax", logits, axis=-1)
    count = tape.ints([node.attr_int("k", 1)])
    values, chosen = tape.many("TopK", probabilities, count, outputs=2, axis=-1)
    if experts.shares:
        given = as_dtype(experts.shares, experts.dtype, _WIDE, tape)
        values = tape.op("GatherElements", given, chosen, axis=-1)
    if experts.normalized:
        values = tape.op("Div", values, tape.op("ReduceSum", values, tape.ints([-1])))
    none = tape.op("Expand", tape.const(0.0, _WIDE), tape.op("Shape", router))
    spread = tape.op("ScatterElements", none, chosen, values, axis=1)
    return tape.op("Unsqueeze", tape.op("Transpose", spread, perm=[1, 0]), tape.ints([2]))
