"""Transformers and recurrent models."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from support.graph_builder import Builder, Case
from support.zoo.layers import attention, gelu, layer_norm, linear, rms_norm, split, unsqueeze

WIDTH, LENGTH, HEADS = 24, 8, 3


def encoder(opset: int, activation: str) -> Case:
    """A BERT-like encoder; LayerNormalization is an op where `opset` has it."""
    b = Builder(f"encoder_{activation}_{opset}", opset)
    ids = b.input("input_ids", [1, LENGTH], ids=40)
    mask = b.input("attention_mask", [1, LENGTH], like="mask")
    fused = opset >= 17
    with b.scope("embeddings"):
        x = b.op("Gather", b.weight(40, WIDTH, fan_in=1, hint="words"), ids, axis=0)
        x = b.op("Add", x, b.const(b.rng.normal(size=(1, LENGTH, WIDTH)), hint="positions"))
        x = layer_norm(b, x, WIDTH, fused)
        wide = b.op("Cast", unsqueeze(b, mask, 1, 2), to=TensorProto.FLOAT)
        bias = b.op("Mul", b.op("Sub", b.const(1.0), wide), b.const(-1e9, hint="masked"))
    for index in range(2):
        with b.scope(f"layer.{index}"):
            qkv = [linear(b, x, WIDTH, WIDTH) for _ in range(3)]
            mixed = attention(b, qkv, LENGTH, HEADS, WIDTH // HEADS, bias, causal=False)
            x = layer_norm(b, b.op("Add", linear(b, mixed, WIDTH, WIDTH), x), WIDTH, fused)
            y = gelu(b, linear(b, x, WIDTH, 32), activation)
            x = layer_norm(b, b.op("Add", linear(b, y, 32, WIDTH), x), WIDTH, fused)
    with b.scope("pooler"):
        first = b.op("Gather", x, b.const(0, np.int64), axis=1)
        y = b.op("Gemm", first, b.weight(WIDTH, WIDTH), b.spread(WIDTH), transB=1)
        y = b.op("Tanh", y)
    b.output(y, "pooled", 2)
    b.output(x, "hidden", 3)
    return b.case()


def decoder(opset: int) -> Case:
    """A GPT-2-like decoder: fused QKV, causal Where, tanh Gelu, tied logits."""
    b = Builder(f"decoder_{opset}", opset)
    ids = b.input("input_ids", [1, LENGTH], ids=40)
    words = b.weight(40, WIDTH, fan_in=1, hint="wte")
    with b.scope("transformer"):
        positions = b.op(
            "Gather",
            b.weight(16, WIDTH, fan_in=1, hint="wpe"),
            b.const(np.arange(LENGTH)[None], np.int64, "position_ids"),
            axis=0,
        )
        x = b.op("Add", b.op("Gather", words, ids, axis=0), positions)
        causal = b.const(np.tril(np.ones((1, 1, LENGTH, LENGTH))), np.bool_, "causal")
    for index in range(2):
        with b.scope(f"h.{index}"):
            y = layer_norm(b, x, WIDTH, opset >= 17)
            flat = b.op("Reshape", y, b.ints(-1, WIDTH))
            flat = b.op("Gemm", flat, b.weight(WIDTH, 3 * WIDTH, fan_in=WIDTH), b.spread(72))
            qkv = split(b, b.op("Reshape", flat, b.ints(1, LENGTH, 72)), 2, 24, 24, 24)
            y = attention(b, qkv, LENGTH, HEADS, WIDTH // HEADS, causal, causal=True)
            x = b.op("Add", linear(b, y, WIDTH, WIDTH), x)
            y = linear(b, layer_norm(b, x, WIDTH, opset >= 17), WIDTH, 32)
            x = b.op("Add", x, linear(b, gelu(b, y, "tanh"), 32, WIDTH))
    x = layer_norm(b, x, WIDTH, opset >= 17)
    b.output(b.op("MatMul", x, b.op("Transpose", words, perm=[1, 0])), "logits", 3)
    return b.case()


def llama(opset: int) -> Case:
    """RMSNorm decomposed, rotary positions, SiLU gate."""
    b = Builder(f"llama_{opset}", opset)
    x = b.input("embeddings", [1, LENGTH, WIDTH])
    angles = np.arange(LENGTH)[:, None] / 10.0 ** (np.arange(4) / 2)[None]
    cos = b.const(np.cos(np.concatenate([angles, angles], -1)), hint="cos")
    sin = b.const(np.sin(np.concatenate([angles, angles], -1)), hint="sin")

    def rotate(value: str) -> str:
        size = WIDTH // HEADS
        value = b.op("Reshape", value, b.ints(1, LENGTH, HEADS, size))
        value = b.op("Transpose", value, perm=[0, 2, 1, 3])
        half = b.ints(size // 2)
        low = b.op("Slice", value, b.ints(0), half, b.ints(3), b.ints(1))
        high = b.op("Slice", value, half, b.ints(2**62), b.ints(3), b.ints(1))
        turned = b.op("Concat", b.op("Neg", high), low, axis=-1)
        return b.op("Add", b.op("Mul", value, cos), b.op("Mul", turned, sin))

    with b.scope("self_attn"):
        y = rms_norm(b, x, WIDTH)
        query, key, value = (
            b.op("MatMul", y, b.weight(WIDTH, WIDTH, fan_in=WIDTH)) for _ in range(3)
        )
        value = b.op("Reshape", value, b.ints(1, LENGTH, HEADS, 8))
        value = b.op("Transpose", value, perm=[0, 2, 1, 3])
        key = b.op("Transpose", rotate(key), perm=[0, 1, 3, 2])
        scores = b.op("MatMul", rotate(query), key)
        scores = b.op("Mul", scores, b.const(8**-0.5, hint="scale"))
        causal = np.triu(np.full((LENGTH, LENGTH), -3.0e38), 1)
        scores = b.op("Softmax", b.op("Add", scores, b.const(causal, hint="causal")), axis=-1)
        y = b.op("Transpose", b.op("MatMul", scores, value), perm=[0, 2, 1, 3])
        y = b.op("Reshape", y, b.ints(1, LENGTH, WIDTH))
        x = b.op("Add", x, b.op("MatMul", y, b.weight(WIDTH, WIDTH, fan_in=WIDTH)))
    with b.scope("mlp"):
        y = rms_norm(b, x, WIDTH)
        gate = b.op("MatMul", y, b.weight(WIDTH, 32, fan_in=WIDTH))
        gate = b.op("Mul", gate, b.op("Sigmoid", gate))
        y = b.op("Mul", gate, b.op("MatMul", y, b.weight(WIDTH, 32, fan_in=WIDTH)))
        x = b.op("Add", x, b.op("MatMul", y, b.weight(32, WIDTH, fan_in=32)))
    b.output(rms_norm(b, x, WIDTH), "hidden", 3)
    return b.case()


def tagger(opset: int) -> Case:
    """Embedding, bidirectional LSTM, GRU, and a label per token."""
    b = Builder(f"tagger_{opset}", opset)
    ids = b.input("tokens", [LENGTH, 1], ids=30)
    x = b.op("Gather", b.weight(30, 8, fan_in=1, hint="embedding"), ids, axis=0)
    with b.scope("lstm"):
        x = b.ops(
            "LSTM",
            x,
            b.weight(2, 32, 8, fan_in=8),
            b.weight(2, 32, 8, fan_in=8),
            b.const(0.3 * b.rng.normal(size=(2, 64)), hint="bias"),
            count=3,
            hidden_size=8,
            direction="bidirectional",
        )[0]
        x = b.op("Transpose", x, perm=[0, 2, 1, 3])
        x = b.op("Reshape", x, b.ints(0, 0, -1))
    with b.scope("gru"):
        x, last = b.ops(
            "GRU",
            x,
            b.weight(1, 24, 16, fan_in=16),
            b.weight(1, 24, 8, fan_in=8),
            b.const(0.3 * b.rng.normal(size=(1, 48)), hint="bias"),
            count=2,
            hidden_size=8,
            linear_before_reset=1,
            direction="forward",
        )
        x = b.op("Squeeze", x, b.ints(1)) if opset >= 13 else b.op("Squeeze", x, axes=[1])
    with b.scope("head"):
        scores = b.op("LogSoftmax", linear(b, x, 8, 5), axis=-1)
    labels = b.op("ArgMax", scores, axis=-1, keepdims=0)
    b.output(scores, "scores", 3)
    b.output(labels, "labels", 2, TensorProto.INT64)
    b.output(last, "state", 3)
    return b.case()


def vision_transformer(opset: int) -> Case:
    """Patches, class token, an Einsum attention, and everything opset 20 has as an op."""
    b = Builder(f"vit_{opset}", opset)
    image = b.input("image", [1, 3, 12, 12])
    weight = b.weight(16, 3, 4, 4)
    x = b.op("Conv", image, weight, b.spread(16), kernel_shape=[4, 4], strides=[4, 4])
    x = b.op("Transpose", b.op("Reshape", x, b.ints(1, 16, 9)), perm=[0, 2, 1])
    token = b.op("Expand", b.const(b.rng.normal(size=(1, 1, 16)), hint="cls"), b.ints(1, 1, 16))
    x = b.op("Concat", token, x, axis=1)
    x = b.op("Add", x, b.const(0.5 * b.rng.normal(size=(1, 10, 16)), hint="positions"))
    with b.scope("attn"):
        y = layer_norm(b, x, 16, fused=True)
        query, key, value = (linear(b, y, 16, 16) for _ in range(3))
        scores = b.op("Einsum", query, key, equation="bid,bjd->bij")
        scores = b.op("Softmax", b.op("Mul", scores, b.const(0.25, hint="scale")), axis=-1)
        x = b.op("Add", x, b.op("Einsum", scores, value, equation="bij,bjd->bid"))
    with b.scope("mlp"):
        y = linear(b, layer_norm(b, x, 16, fused=True), 16, 32)
        y = b.op("Gelu", y, approximate="tanh" if opset >= 20 else "none")
        x = b.op("Add", x, linear(b, y, 32, 16))
    x = layer_norm(b, x, 16, fused=True)
    x = b.op("Slice", x, b.ints(0), b.ints(1), b.ints(1))
    x = b.op("Squeeze", x, b.ints(1))
    b.output(b.op("Gemm", x, b.weight(7, 16), b.spread(7), transB=1), "logits", 2)
    return b.case()
