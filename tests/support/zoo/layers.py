"""Layers that several zoo models share, written as the exporters write them per opset."""

from __future__ import annotations

import numpy as np

from support.graph_builder import Builder


def conv(
    b: Builder,
    x: str,
    cin: int,
    cout: int,
    kernel: int = 3,
    stride: int = 1,
    group: int = 1,
    bias: bool = True,
) -> str:
    """A convolution that keeps the size (up to its stride)."""
    weight = b.weight(cout, cin // group, kernel, kernel)
    extra = [b.spread(cout)] if bias else []
    pad = kernel // 2
    return b.op(
        "Conv",
        x,
        weight,
        *extra,
        kernel_shape=[kernel] * 2,
        strides=[stride] * 2,
        pads=[pad] * 4,
        dilations=[1, 1],
        group=group,
    )


def batch_norm(b: Builder, x: str, channels: int) -> str:
    """Inference batch norm with a spread of scales, means and variances."""
    variance = b.const(0.5 + np.abs(b.rng.normal(size=channels)), hint="running_var")
    return b.op(
        "BatchNormalization",
        x,
        b.spread(channels, 1.0, hint="bn_scale"),
        b.spread(channels, hint="bn_bias"),
        b.spread(channels, hint="running_mean"),
        variance,
        epsilon=1e-5,
    )


def reduce_mean(b: Builder, x: str, *axes: int) -> str:
    """ReduceMean over `axes`, an attribute before opset 18 and an input from there."""
    if b.opset >= 18:
        return b.op("ReduceMean", x, b.ints(*axes), keepdims=1)
    return b.op("ReduceMean", x, axes=list(axes), keepdims=1)


def unsqueeze(b: Builder, x: str, *axes: int) -> str:
    """Unsqueeze with its axes where the opset has them."""
    if b.opset >= 13:
        return b.op("Unsqueeze", x, b.ints(*axes))
    return b.op("Unsqueeze", x, axes=list(axes))


def split(b: Builder, x: str, axis: int, *sizes: int) -> list[str]:
    """Split with its sizes where the opset has them."""
    if b.opset >= 13:
        return b.ops("Split", x, b.ints(*sizes), count=len(sizes), axis=axis)
    return b.ops("Split", x, count=len(sizes), axis=axis, split=list(sizes))


def linear(b: Builder, x: str, fan_in: int, fan_out: int) -> str:
    """MatMul and Add: how a Linear on three dimensions is exported."""
    product = b.op("MatMul", x, b.weight(fan_in, fan_out, fan_in=fan_in))
    return b.op("Add", b.spread(fan_out), product)


def layer_norm(b: Builder, x: str, width: int, fused: bool) -> str:
    """The op from opset 17, or ReduceMean, Sub, Pow, Sqrt, Div as older exporters write it."""
    scale, bias = b.spread(width, 1.0, hint="ln_scale"), b.spread(width, hint="ln_bias")
    if fused:
        return b.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-5)
    centred = b.op("Sub", x, reduce_mean(b, x, -1))
    variance = reduce_mean(b, b.op("Pow", centred, b.const(2.0)), -1)
    deviation = b.op("Sqrt", b.op("Add", variance, b.const(1e-5, hint="eps")))
    return b.op("Add", b.op("Mul", b.op("Div", centred, deviation), scale), bias)


def rms_norm(b: Builder, x: str, width: int) -> str:
    """RMSNorm as the llama exports have it."""
    mean = reduce_mean(b, b.op("Pow", x, b.const(2.0)), -1)
    root = b.op("Sqrt", b.op("Add", mean, b.const(1e-6, hint="eps")))
    return b.op("Mul", b.op("Mul", x, b.op("Div", b.const(1.0), root)), b.spread(width, 1.0))


def gelu(b: Builder, x: str, variant: str) -> str:
    """`op`, `erf` (decomposed) or `tanh` (decomposed)."""
    if variant == "op":
        return b.op("Gelu", x, approximate="none")
    if variant == "erf":
        inner = b.op("Erf", b.op("Div", x, b.const(np.sqrt(2.0), hint="sqrt2")))
    else:
        cube = b.op("Mul", b.op("Pow", x, b.const(3.0)), b.const(0.044715))
        inner = b.op("Tanh", b.op("Mul", b.op("Add", x, cube), b.const(np.sqrt(2 / np.pi))))
    return b.op("Mul", b.op("Mul", x, b.op("Add", inner, b.const(1.0))), b.const(0.5))


def heads(b: Builder, x: str, length: int, count: int, size: int, perm: tuple[int, ...]) -> str:
    """(batch, length, width) to one matrix per head, permuted by `perm`."""
    return b.op("Transpose", b.op("Reshape", x, b.ints(1, length, count, size)), perm=perm)


def attention(
    b: Builder, qkv: list[str], length: int, count: int, size: int, mask: str, causal: bool
) -> str:
    """Scaled dot product attention; `mask` is added, or selects when `causal`."""
    query = heads(b, qkv[0], length, count, size, (0, 2, 1, 3))
    key = heads(b, qkv[1], length, count, size, (0, 2, 3, 1))
    value = heads(b, qkv[2], length, count, size, (0, 2, 1, 3))
    scores = b.op("MatMul", query, key)
    scores = b.op("Div", scores, b.const(np.sqrt(size), hint="attention_scale"))
    if causal:
        scores = b.op("Where", mask, scores, b.const(-3.0e4, hint="masked"))
    elif mask:
        scores = b.op("Add", scores, mask)
    mixed = b.op("MatMul", b.op("Softmax", scores, axis=-1), value)
    merged = b.op("Transpose", mixed, perm=(0, 2, 1, 3))
    return b.op("Reshape", merged, b.ints(1, length, count * size))


def resize(b: Builder, x: str, mode: str, **attributes: str) -> str:
    """Resize by two in height and width."""
    scales = b.const([1.0, 1.0, 2.0, 2.0], hint="scales")
    return b.op("Resize", x, "", scales, mode=mode, **attributes)
