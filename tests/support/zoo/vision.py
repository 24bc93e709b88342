"""Convolutional models: classifier, mobile, segmentation, detection."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from support.graph_builder import Builder, Case
from support.zoo.layers import (
    batch_norm,
    conv,
    layer_norm,
    linear,
    reduce_mean,
    resize,
    split,
    unsqueeze,
)


def resnet(opset: int) -> Case:
    """Residual blocks with batch norm after every convolution."""
    b = Builder(f"resnet_{opset}", opset)
    x = b.input("image", [1, 3, 32, 32])
    x = b.op("Relu", batch_norm(b, conv(b, x, 3, 8, 5, 2, bias=False), 8))
    x = b.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for index, (cin, cout) in enumerate([(8, 8), (8, 12), (12, 12)]):
        with b.scope(f"block{index}"):
            branch = b.op("Relu", batch_norm(b, conv(b, x, cin, cout, bias=False), cout))
            branch = batch_norm(b, conv(b, branch, cout, cout, bias=False), cout)
            short = x if cin == cout else batch_norm(b, conv(b, x, cin, cout, 1), cout)
            x = b.op("Relu", b.op("Add", branch, short))
    x = b.op("Flatten", b.op("GlobalAveragePool", x), axis=1)
    x = b.op("Gemm", x, b.weight(12, 12), b.spread(12), alpha=1.0, beta=1.0, transB=1)
    b.output(b.op("Gemm", x, b.weight(10, 12), b.spread(10), transB=1), "logits", 2)
    return b.case()


def mobile(opset: int) -> Case:
    """Inverted residuals: expansion, depthwise, projection, with Clip as ReLU6."""
    b = Builder(f"mobile_{opset}", opset)
    x = b.input("image", [1, 3, 24, 24])
    low, high = b.const(0.0, hint="clip_min"), b.const(6.0, hint="clip_max")

    def relu6(value: str) -> str:
        return b.op("Clip", b.op("Mul", value, b.const(2.5, hint="gain")), low, high)

    x = relu6(batch_norm(b, conv(b, x, 3, 8, stride=2, bias=False), 8))
    for index in range(3):
        with b.scope(f"features.{index}"):
            wide = relu6(batch_norm(b, conv(b, x, 8, 16, 1, bias=False), 16))
            deep = relu6(batch_norm(b, conv(b, wide, 16, 16, group=16, bias=False), 16))
            x = b.op("Add", x, batch_norm(b, conv(b, deep, 16, 8, 1, bias=False), 8))
    with b.scope("head"):
        x = b.op("HardSigmoid", x, alpha=0.2, beta=0.5)
        pool = {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}
        x = b.op("AveragePool", x, **pool, count_include_pad=0)
        x = b.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=0)
        x = b.op("Reshape", x, b.ints(1, -1))
        x = b.op("Gemm", x, b.weight(6, 288), b.spread(6), transB=1)
    b.output(b.op("Softmax", x, axis=1), "probabilities", 2)
    return b.case()


def unet(opset: int) -> Case:
    """Two levels down and up, with skips, both ways of going up, and a sigmoid mask."""
    b = Builder(f"unet_{opset}", opset)
    x = b.input("image", [1, 3, 16, 16])
    skips = []
    for index, (cin, cout) in enumerate([(3, 8), (8, 8)]):
        with b.scope(f"down{index}"):
            x = b.op("LeakyRelu", conv(b, x, cin, cout), alpha=0.1)
            skips.append(x)
            x = b.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = b.op("Elu", conv(b, x, 8, 8), alpha=1.0)
    with b.scope("up0"):
        x = resize(b, x, "linear", coordinate_transformation_mode="half_pixel")
        x = b.op("Concat", x, skips[1], axis=1)
        x = b.op("PRelu", conv(b, x, 16, 8), b.const(np.full((8, 1, 1), 0.2), hint="slope"))
    with b.scope("up1"):
        x = resize(
            b, x, "nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )
        x = b.op("Concat", x, skips[0], axis=1)
        x = b.op("LeakyRelu", conv(b, x, 16, 8), alpha=0.1)
        kernel = b.weight(8, 8, 3, 3, fan_in=72)
        x = b.op("ConvTranspose", x, kernel, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = b.op("InstanceNormalization", x, b.spread(8, 1.0), b.spread(8), epsilon=1e-5)
        pads = b.ints(0, 0, 1, 1, 0, 0, 1, 1)
        x = b.op("Pad", x, pads, mode="reflect")
        weight = b.weight(2, 8, 3, 3)
        x = b.op("Conv", x, weight, b.spread(2), kernel_shape=[3, 3], pads=[0, 0, 0, 0])
    b.output(b.op("Sigmoid", x), "mask", 4)
    return b.case()


def detector(opset: int) -> Case:
    """A YOLO-like head: split, decode by a grid, concatenate the levels, keep the best."""
    b = Builder(f"detector_{opset}", opset)
    x = b.input("image", [1, 3, 32, 32])
    levels = []
    for index, cin in enumerate([3, 8, 8]):
        with b.scope(f"stem{index}"):
            x = conv(b, x, cin, 8, stride=2)
            x = b.op("Mul", x, b.op("Sigmoid", x))
        if index:
            levels.append((x, 16 >> index))
    decoded = []
    for index, (level, size) in enumerate(levels):
        with b.scope(f"head{index}"):
            x = b.op("Reshape", conv(b, level, 8, 16, 1), b.ints(1, 2, 8, size, size))
            x = b.op("Sigmoid", b.op("Transpose", x, perm=[0, 1, 3, 4, 2]))
            where, extent, scores = split(b, x, 4, 2, 2, 4)
            rows, columns = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
            grid = b.const(np.stack([columns, rows], -1)[None, None], hint="grid")
            centre = b.op("Sub", b.op("Mul", where, b.const(2.0)), b.const(0.5))
            centre = b.op("Mul", b.op("Add", centre, grid), b.const(1 / size, hint="stride"))
            extent = b.op("Pow", b.op("Mul", extent, b.const(2.0)), b.const(2.0))
            x = b.op("Concat", centre, extent, scores, axis=-1)
            decoded.append(b.op("Reshape", x, b.ints(1, -1, 8)))
    boxes = b.op("Concat", *decoded, axis=1)
    axes = {"axes": b.ints(2)} if opset >= 10 else {}
    objectness = b.op("Slice", boxes, b.ints(4), b.ints(8), *axes.values())
    best = b.op("ReduceMax", objectness, axes=[2], keepdims=0)
    top, index = b.ops("TopK", best, b.ints(12), count=2, axis=1, largest=1, sorted=1)
    index = b.op("Tile", unsqueeze(b, index, 2), b.ints(1, 1, 8))
    b.output(b.op("GatherElements", boxes, index, axis=1), "boxes", 3)
    label = b.op("ArgMax", objectness, axis=2, keepdims=0, select_last_index=0)
    b.output(label, "labels", 2, TensorProto.INT64)
    b.output(top, "scores", 2)
    return b.case()


def group_norm(opset: int) -> Case:
    """A diffusion-like block: GroupNorm through InstanceNormalization and decomposed."""
    b = Builder(f"groupnorm_{opset}", opset)
    x = conv(b, b.input("latent", [1, 4, 8, 8]), 4, 8)
    for index in range(2):
        with b.scope(f"resnet{index}"):
            y = b.op("Reshape", x, b.ints(1, 4, -1))
            ones, zeros = b.const(np.ones(4)), b.const(np.zeros(4))
            y = b.op("InstanceNormalization", y, ones, zeros, epsilon=1e-6)
            y = b.op("Reshape", y, b.ints(1, 8, 8, 8))
            y = b.op("Mul", y, b.const(1 + 0.2 * b.rng.normal(size=(8, 1, 1))))
            y = b.op("Add", y, b.const(0.2 * b.rng.normal(size=(8, 1, 1))))
            x = b.op("Add", x, conv(b, b.op("Mul", y, b.op("Sigmoid", y)), 8, 8))
    with b.scope("norm_out"):
        y = b.op("Reshape", x, b.ints(1, 2, -1))
        centred = b.op("Sub", y, reduce_mean(b, y, 2))
        variance = reduce_mean(b, b.op("Mul", centred, centred), 2)
        deviation = b.op("Sqrt", b.op("Add", variance, b.const(1e-3, hint="eps")))
        y = b.op("Reshape", b.op("Div", centred, deviation), b.ints(1, 8, 8, 8))
    pooled = b.op("Relu", conv(b, y, 8, 8, 3, 2))
    b.output(conv(b, b.op("Softplus", pooled), 8, 4), "noise", 4)
    return b.case()


def mixer(opset: int) -> Case:
    """Tokens and channels of the same number, so that a wrong transpose keeps every shape."""
    b = Builder(f"mixer_{opset}", opset)
    x = b.input("tokens", [1, 16, 16])
    for index in range(2):
        with b.scope(f"layer{index}"):
            y = b.op("Transpose", layer_norm(b, x, 16, opset >= 17), perm=[0, 2, 1])
            y = b.op("Relu", linear(b, y, 16, 16))
            x = b.op("Add", x, b.op("Transpose", linear(b, y, 16, 16), perm=[0, 2, 1]))
            gate = b.op("HardSwish", x) if opset >= 14 else b.op("Tanh", x)
            x = b.op("Sub", x, b.op("Mul", gate, b.const(0.5)))
    pooled = b.op("ReduceSum", b.op("Abs", x), b.ints(1), keepdims=0)
    x = b.op("Div", b.op("Max", pooled, b.const(0.1)), b.const(16.0))
    x = b.op("Gemm", x, b.weight(16, 16), b.spread(16), alpha=0.5, beta=2.0)
    b.output(b.op("LogSoftmax", x, axis=-1), "log_probabilities", 2)
    return b.case()
