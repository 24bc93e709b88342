"""NHWC networks as converters from channels-last frameworks write them, for layout rewrites.

Each operator with a channel axis stands between two Transposes, everything else names NHWC axes.
`side` and `width` make them large enough to be timed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto, helper

from support.graph_builder import Builder, Case

TO_NCHW, TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


class Channels(Builder):
    """Layers that take and give NHWC."""

    def island(self, op_type: str, x: str, *extra: str, **attributes: object) -> str:
        """The operator on NCHW, between Transposes."""
        moved = self.op("Transpose", x, perm=TO_NCHW)
        return self.op("Transpose", self.op(op_type, moved, *extra, **attributes), perm=TO_NHWC)

    def conv(
        self, x: str, cin: int, cout: int, kernel: int = 3, stride: int = 1, group: int = 1
    ) -> str:
        """Same padding, with a bias that is added as a framework adds it: channels last."""
        weight = self.weight(cout, cin // group, kernel, kernel)
        made = self.island(
            "Conv",
            x,
            weight,
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[kernel // 2] * 4,
            group=group,
        )
        return self.op("Add", made, self.spread(cout))

    def norm(self, x: str, channels: int) -> str:
        """BatchNormalization between Transposes."""
        variance = self.const(0.5 + np.abs(self.rng.normal(size=channels)))
        return self.island(
            "BatchNormalization",
            x,
            self.spread(channels, 1.0),
            self.spread(channels),
            self.spread(channels),
            variance,
        )

    def pool(self, x: str) -> str:
        """Half of the size."""
        return self.island("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])

    def mean(self, x: str, *axes: int, keep: bool = False) -> str:
        """ReduceMean over NHWC axes."""
        return self.op("ReduceMean", x, axes=list(axes), keepdims=int(keep))

    def grown(self, x: str) -> str:
        """Twice the size, by Resize on NHWC axes."""
        scales = self.const([1.0, 2.0, 2.0, 1.0])
        return self.op(
            "Resize",
            x,
            "",
            scales,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def swish(self, x: str) -> str:
        """x times its sigmoid: a diamond."""
        return self.op("Mul", x, self.op("Sigmoid", x))


def detector(side: int = 32, width: int = 8) -> Case:
    """A feature pyramid in NHWC with heads on every level, joined as one list of anchors."""
    b = Channels("nhwc_detector", 13)
    x = b.input("image", [1, side, side, 3])
    levels = []
    for cin, cout in [(3, width), (width, 2 * width), (2 * width, 2 * width)]:
        x = b.swish(b.norm(b.conv(x, cin, cout, stride=2), cout))
        levels.append(b.conv(x, cout, width, 1))
    tops = [levels[2]]
    for level in levels[1::-1]:
        tops.append(b.op("Add", level, b.grown(tops[-1])))
    joined = []
    for top in tops:
        head = b.conv(b.op("Relu", b.conv(top, width, width)), width, 12, 1)
        joined.append(b.op("Reshape", head, b.ints(1, -1, 6)))
    boxes, scores = b.ops("Split", b.op("Concat", *joined, axis=1), b.ints(4, 2), count=2, axis=2)
    b.output(b.op("Tanh", boxes), "boxes", 3)
    b.output(b.op("Softmax", scores, axis=-1), "scores", 3)
    return b.case()


def shuffle(side: int = 16, width: int = 12) -> Case:
    """Grouped convolutions with a channel shuffle between them, in NHWC."""
    b = Channels("nhwc_shuffle", 13)
    half = side // 2
    x = b.op("Relu", b.conv(b.input("image", [1, side, side, 3]), 3, width, stride=2))
    for _ in range(2):
        y = b.op("Relu", b.norm(b.conv(x, width, width, 1, group=3), width))
        y = b.op("Reshape", y, b.ints(1, half, half, 3, width // 3))
        y = b.op("Transpose", y, perm=[0, 1, 2, 4, 3])
        y = b.op("Reshape", y, b.ints(1, half, half, width))
        y = b.norm(b.conv(y, width, width, group=width), width)
        x = b.op("Relu", b.op("Add", x, b.conv(y, width, width, 1)))
    x = b.op("Gemm", b.mean(x, 1, 2), b.weight(10, width), b.spread(10), transB=1)
    b.output(x, "logits", 2)
    return b.case()


def attention(side: int = 16, width: int = 8) -> Case:
    """A non-local block: tokens of NHWC attend to each other between convolutions."""
    b = Channels("nhwc_attention", 13)
    tokens = (side // 2) ** 2
    x = b.op("Relu", b.conv(b.input("image", ["batch", side, side, 3]), 3, width, stride=2))
    query, key, value = (
        b.op("Reshape", b.conv(x, width, width, 1), b.ints(-1, tokens, width)) for _ in range(3)
    )
    scores = b.op("MatMul", query, b.op("Transpose", key, perm=[0, 2, 1]))
    weights = b.op("Softmax", b.op("Mul", scores, b.const(width**-0.5)), axis=-1)
    seen = b.op("Reshape", b.op("MatMul", weights, value), b.ints(-1, side // 2, side // 2, width))
    x = b.op("Add", x, b.conv(seen, width, width, 1))
    x = b.op("MatMul", x, b.weight(width, 6))
    b.output(b.op("ArgMax", x, axis=3, keepdims=0), "labels", 3, TensorProto.INT64)
    b.output(b.conv(x, 6, 4), "map", 4)
    return b.case()


def mixed(side: int = 16, width: int = 8) -> Case:
    """One branch in NCHW, one in NHWC, joined in NCHW; squeeze and excite with a Gemm."""
    b = Channels("nhwc_mixed", 17)
    image = b.input("image", [2, 3, side, side])
    weight = b.weight(width, 3, 3, 3)
    left = b.op("Relu", b.op("Conv", image, weight, kernel_shape=[3, 3], pads=[1] * 4))
    right = b.conv(b.op("Transpose", image, perm=TO_NHWC), 3, width)
    right = b.op("Pad", b.op("Relu", right), b.ints(0, 1, 1, 0, 0, 1, 1, 0))
    right = b.island("AveragePool", right, kernel_shape=[3, 3], strides=[1, 1])
    x = b.op("Concat", left, b.op("Transpose", right, perm=TO_NCHW), axis=1)
    x = b.op("Transpose", x, perm=TO_NHWC)
    gate = b.op("Gemm", b.mean(x, 1, 2), b.weight(2 * width, 2 * width), b.spread(2 * width))
    gate = b.op("Reshape", b.op("Sigmoid", gate), b.ints(-1, 1, 1, 2 * width))
    x = b.conv(b.op("Mul", x, gate), 2 * width, width)
    b.output(b.op("Concat", x, b.op("Slice", x, b.ints(0), b.ints(4), b.ints(3)), axis=3), "y", 4)
    b.output(b.mean(x, 3, keep=True), "saliency", 4)
    return b.case()


def quantized(side: int = 16, width: int = 8) -> Case:
    """QuantizeLinear and DequantizeLinear on both sides of every Transpose."""
    b = Channels("nhwc_quantized", 13)

    def qdq(value: str) -> str:
        scale, zero = b.const(0.02), b.const(128, np.uint8)
        return b.op("DequantizeLinear", b.op("QuantizeLinear", value, scale, zero), scale, zero)

    x = qdq(b.input("image", [1, side, side, 3]))
    for cin, cout in [(3, width), (width, width)]:
        weight = b.const(b.rng.integers(-90, 90, (cout, cin, 3, 3)), np.int8)
        scale = b.const(0.004 + 0.001 * b.rng.random(cout))
        zero = b.const(np.zeros(cout), np.int8)
        weight = b.op("DequantizeLinear", weight, scale, zero, axis=0)
        moved = qdq(b.op("Transpose", x, perm=TO_NCHW))
        y = qdq(b.op("Conv", moved, weight, kernel_shape=[3, 3], pads=[1] * 4))
        x = qdq(b.op("Relu", b.op("Transpose", y, perm=TO_NHWC)))
    x = qdq(b.op("Add", x, b.op("Mul", x, b.const(0.5))))
    b.output(b.mean(x, 1, 2), "features", 2)
    return b.case()


def branches(side: int = 16, width: int = 8) -> Case:
    """An If whose bodies read what lies in NHWC around them, and convolve in one of them."""
    b = Channels("nhwc_branches", 13)
    x = b.op("Relu", b.conv(b.input("image", [1, side, side, 3]), 3, width))
    weight, bias = b.weight(width, width, 3, 3), b.spread(width)
    shape = [1, side, side, width]
    bodies = {}
    for name in ("then_branch", "else_branch"):
        made = [helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, shape)]
        if name == "then_branch":
            nodes = [
                helper.make_node("Transpose", [x], ["moved"], "t_in", perm=TO_NCHW),
                helper.make_node(
                    "Conv",
                    ["moved", weight, bias],
                    ["conv"],
                    "c",
                    kernel_shape=[3, 3],
                    pads=[1] * 4,
                ),
                helper.make_node("Transpose", ["conv"], [f"{name}_y"], "t_out", perm=TO_NHWC),
            ]
        else:
            nodes = [helper.make_node("Neg", [x], [f"{name}_y"], "negated")]
        bodies[name] = helper.make_graph(nodes, name, [], made)
    total = b.op("ReduceSum", x, keepdims=0)
    chosen = b.op("If", b.op("Greater", total, b.const(0.0)), **bodies)
    b.output(b.conv(b.op("Add", chosen, x), width, 4), "y", 4)
    return b.case()


def classifier(side: int = 16, width: int = 8) -> Case:
    """A plain stack: normalized, pooled, flattened in NHWC order, then dense layers."""
    b = Channels("nhwc_classifier", 11)
    x = b.op("Div", b.input("image", ["batch", side, side, 3]), b.const([2.0, 3.0, 4.0]))
    for cin, cout in [(3, width), (width, 2 * width)]:
        x = b.pool(b.op("Relu", b.norm(b.conv(x, cin, cout), cout)))
    size = (side // 4) ** 2 * 2 * width
    x = b.op("Reshape", x, b.ints(-1, size))
    x = b.op("Relu", b.op("Add", b.op("MatMul", x, b.weight(size, 24, fan_in=size)), b.spread(24)))
    b.output(b.op("Softmax", b.op("MatMul", x, b.weight(24, 10)), axis=-1), "classes", 2)
    return b.case()


def axes(side: int = 8, width: int = 8) -> Case:
    """Operators that name axes: TopK, CumSum, Gather, Split, reductions, D2S, LayerNorm by hand."""
    b = Channels("nhwc_axes", 13)
    x = b.conv(b.input("image", [1, side, side, 3]), 3, width)
    middle = b.op("Sub", x, b.mean(x, 3, keep=True))
    power = b.op("Add", b.mean(b.op("Mul", middle, middle), 3, keep=True), b.const(1e-3))
    x = b.op("Mul", b.op("Div", middle, b.op("Sqrt", power)), b.spread(width, 1.0))
    first, second = b.ops("Split", x, b.ints(width // 2, width // 2), count=2, axis=3)
    turned = b.op("Gather", second, b.ints(*range(width // 2 - 1, -1, -1)), axis=-1)
    x = b.conv(
        b.op("Concat", b.op("CumSum", first, b.const(1, np.int64)), turned, axis=-1), width, 8
    )
    best, _ = b.ops("TopK", x, b.ints(4), count=2, axis=3)
    b.output(b.conv(best, 4, 4), "best", 4)
    b.output(b.island("DepthToSpace", b.conv(x, 8, 8), blocksize=2, mode="CRD"), "large", 4)
    b.output(b.op("ReduceMax", x, axes=[1, 2], keepdims=0), "peak", 2)
    return b.case()


NHWC_ZOO: dict[str, Callable[..., Case]] = {
    "detector": detector,
    "shuffle": shuffle,
    "attention": attention,
    "mixed": mixed,
    "quantized": quantized,
    "branches": branches,
    "classifier": classifier,
    "axes": axes,
}
