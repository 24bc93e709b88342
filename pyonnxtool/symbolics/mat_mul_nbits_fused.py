"""MatMulNBitsMlp and MatMulNBitsQkv of com.microsoft: products of one normalized input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.symbolics import SYMBOLICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape

_DOMAIN = "com.microsoft"
_SILU = ("silu", "swish")


@SYMBOLICS.add(f"{_DOMAIN}::MatMulNBitsMlp")
def mat_mul_nbits_mlp(node: NodeView, tape: Tape) -> Decision:
    """Normalization, MatMulNBits of gate and rest, Sigmoid and Mul."""
    activation = node.attr_str("activation")
    if activation not in _SILU:
        return node.refuse(f"its activation {activation!r} is not known")
    x, total = _normalized(node, tape, 1e-5)
    gate, up = (_product(node, tape, x, first, node.attr_int("N")) for first in (3, 6))
    return tape.op("Mul", tape.op("Mul", gate, tape.op("Sigmoid", gate)), up), total


@SYMBOLICS.add(f"{_DOMAIN}::MatMulNBitsQkv")
def mat_mul_nbits_qkv(node: NodeView, tape: Tape) -> Decision:
    """Normalization, then MatMulNBits of queries, keys and values."""
    x, total = _normalized(node, tape, 1e-6)
    sizes = [node.attr_int(name) for name in ("Nq", "Nkv", "Nkv")]
    made = [
        _product(node, tape, x, first, size) for first, size in zip((3, 6, 9), sizes, strict=True)
    ]
    return *made, total


def _normalized(node: NodeView, tape: Tape, epsilon: float) -> Sequence[str]:
    """What the products take, and the sum of the input and what is skipped to it."""
    a, skip, scale = node.inputs[:3]
    total = tape.op("Add", a, skip) if skip else ""
    if not scale:
        return total or a, total
    given = node.attr_float("epsilon", epsilon)
    return tape.op("RMSNormalization", total or a, scale, axis=-1, epsilon=given), total


def _product(node: NodeView, tape: Tape, x: str, first: int, size: int) -> str:
    weights, scales, bias = (node.arg(first + place) for place in range(3))
    return tape.op(
        "MatMulNBits",
        *(x, weights, scales, "", "", bias),
        domain=_DOMAIN,
        N=size,
        K=node.attr_int("K"),
        bits=node.attr_int("bits", 4),
        block_size=node.attr_int("block_size"),
    )
