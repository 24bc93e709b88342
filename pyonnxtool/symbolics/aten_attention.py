"""Attention of torch, and the layer of an encoder that it computes at once in evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyonnxtool.symbolics._aten import aten

if TYPE_CHECKING:
    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Operand
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape


@aten(
    "scaled_dot_product_attention",
    "Tensor query, Tensor key, Tensor value, Tensor? attn_mask, float dropout_p, bool is_causal, "
    "float? scale, bool enable_gqa",
)
def scaled_dot_product_attention(
    node: NodeView,
    tape: Tape,
    query: Operand,
    key: Operand,
    value: Operand,
    attn_mask: Operand,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Decision:
    """Attention; MatMuls and Softmax before opset 23."""
    ranks = {one.rank for one in (query, key, value)}
    if ranks not in ({3}, {4}):
        return node.refuse(f"its rank {query.rank} is neither 3 nor 4")
    if dropout_p:
        return node.refuse("it drops some of its weights at random")
    given: list[str] = [query, key, value]
    if ranks == {3}:
        given = [tape.op("Unsqueeze", one, tape.ints([0])) for one in given]
    made = tape.op("Attention", *given, attn_mask, is_causal=int(is_causal), scale=scale)
    return tape.op("Squeeze", made, tape.ints([0])) if ranks == {3} else made


@dataclass(frozen=True)
class _Heads:
    """Attention of a sequence to itself, with its own projections."""

    width: int
    count: int
    qkv: tuple[str, str]
    """Weight, [3 * width, width], and bias."""
    projection: tuple[str, str]
    """Weight, [width, width], and bias."""
    dtype: str

    def of(self, tape: Tape, x: str, masked: str) -> str:
        """Of [batch, places, width]; where `masked` holds nothing is attended to."""
        each = self.width // self.count
        packed = linear(tape, x, *self.qkv)
        packed = tape.op("Reshape", packed, tape.ints([0, 0, 3, self.count, each]))
        turned = tape.op("Transpose", packed, perm=[2, 0, 3, 1, 4])
        q, k, v = (tape.op("Gather", turned, tape.const(at, "int64"), axis=0) for at in range(3))
        scale = tape.const(1 / math.sqrt(each), self.dtype)
        turned_k = tape.op("Transpose", k, perm=[0, 1, 3, 2])
        scores = tape.op("MatMul", tape.op("Mul", q, scale), turned_k)
        if masked:
            scores = tape.op("Where", masked, tape.const(-np.inf, self.dtype), scores)
        mixed = tape.op("MatMul", tape.op("Softmax", scores, axis=-1), v)
        mixed = tape.op("Transpose", mixed, perm=[0, 2, 1, 3])
        flat = tape.op("Reshape", mixed, tape.ints([0, 0, self.width]))
        return linear(tape, flat, *self.projection)


def linear(tape: Tape, x: str, weight: str, bias: str) -> str:
    """X @ weight.T + bias."""
    return tape.op("Add", tape.op("MatMul", x, tape.op("Transpose", weight, perm=[1, 0])), bias)


@aten(
    "_transformer_encoder_layer_fwd",
    "Tensor src, int embed_dim, int num_heads, Tensor qkv_weight, Tensor qkv_bias, "
    "Tensor proj_weight, Tensor proj_bias, bool use_gelu, bool norm_first, float eps, "
    "Tensor norm_weight_1, Tensor norm_bias_1, Tensor norm_weight_2, Tensor norm_bias_2, "
    "Tensor ffn_weight_1, Tensor ffn_bias_1, Tensor ffn_weight_2, Tensor ffn_bias_2, "
    "Tensor? mask, int? mask_type",
)
def transformer_encoder_layer(
    node: NodeView,
    tape: Tape,
    src: Operand,
    embed_dim: int,
    num_heads: int,
    qkv_weight: Operand,
    qkv_bias: Operand,
    proj_weight: Operand,
    proj_bias: Operand,
    use_gelu: bool,
    norm_first: bool,
    eps: float,
    norm_weight_1: Operand,
    norm_bias_1: Operand,
    norm_weight_2: Operand,
    norm_bias_2: Operand,
    ffn_weight_1: Operand,
    ffn_bias_1: Operand,
    ffn_weight_2: Operand,
    ffn_bias_2: Operand,
    mask: Operand,
    mask_type: int | None,
) -> Decision:
    """MatMuls, Softmax, LayerNormalization and Gelu or Relu."""
    masked = _mask(node, tape, mask, mask_type)
    if not isinstance(masked, str):
        return masked
    if src.rank != 3 or src.dtype is None:
        return node.refuse(f"its rank {src.rank} is not that of a batch of sequences")
    projections = (qkv_weight, qkv_bias), (proj_weight, proj_bias)
    heads = _Heads(embed_dim, num_heads, *projections, src.dtype)

    def normalized(x: str, weight: str, bias: str) -> str:
        return tape.op("LayerNormalization", x, weight, bias, axis=-1, epsilon=eps)

    def forward(x: str) -> str:
        inner = linear(tape, x, ffn_weight_1, ffn_bias_1)
        return linear(
            tape, tape.op("Gelu" if use_gelu else "Relu", inner), ffn_weight_2, ffn_bias_2
        )

    first, second = (norm_weight_1, norm_bias_1), (norm_weight_2, norm_bias_2)
    if norm_first:
        x = tape.op("Add", src, heads.of(tape, normalized(src, *first), masked))
        return tape.op("Add", x, forward(normalized(x, *second)))
    x = normalized(tape.op("Add", src, heads.of(tape, src, masked)), *first)
    return normalized(tape.op("Add", x, forward(x)), *second)


def _mask(node: NodeView, tape: Tape, mask: Operand, kind: int | None) -> str | Refusal:
    """Where nothing is attended to, for [batch, heads, places, places]; "" where there is none."""
    if not mask:
        return ""
    if (kind, mask.rank) not in ((0, 2), (1, 2), (2, 4)):
        return node.refuse(f"its mask of kind {kind} has rank {mask.rank}")
    held = str(mask) if mask.dtype == "bool" else tape.cast(mask, "bool")  # as torch's kernel does
    return tape.op("Unsqueeze", held, tape.ints([1, 2])) if kind == 1 else held
