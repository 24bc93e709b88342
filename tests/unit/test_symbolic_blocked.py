"""Convolutions that onnxruntime has put into blocks of channels, in standard operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from pyonnxtool.symbolics._blocked import block_here, turned_back
from support.downgraded import run_ort
from support.lowered_op import distance, feeds_of, lowered, model_of, refusal
from support.optimizers import OPTIMIZERS

NCHWC = "com.microsoft.nchwc::"


class Net:
    """A model of convolutions with random weights, in a chain unless told otherwise."""

    def __init__(self, opset: int = 17) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.rng = np.random.default_rng(2)

    def op(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """A node; its output."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [name], **attributes))
        return name

    def const(self, array: Any) -> str:
        """An initializer."""
        self.weights.append(numpy_helper.from_array(array, f"w{len(self.weights)}"))
        return str(self.weights[-1].name)

    def conv(self, x: str, out: int, inner: int, size: int = 3, **attributes: Any) -> str:
        """With a bias, and a border that keeps the size."""
        w = self.rng.standard_normal((out, inner, size, size)) / (size * inner**0.5)
        named = [
            x,
            self.const(w.astype(np.float32)),
            self.const(np.linspace(-1, 1, out, dtype="f")),
        ]
        return self.op("Conv", *named, pads=[size // 2] * 4, **attributes)

    def model(self, output: str, *shape: Any) -> onnx.ModelProto:
        """Of the input "x"."""
        x = helper.make_tensor_value_info("x", 1, shape)
        y = helper.make_tensor_value_info(output, 1, [None] * 4)
        graph = helper.make_graph(self.nodes, "g", [x], [y], self.weights)
        imports = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=imports, ir_version=8)


def mixed() -> tuple[Net, str]:
    """Few input channels, channels that are no whole blocks, one a group, sums and pools."""
    net = Net()
    first = net.op("Relu", net.conv("x", 24, 3, strides=[2, 2]))
    each = net.op("Clip", net.conv(first, 24, 1, group=24), net.const(np.float32(-1)))
    pooled = net.op("MaxPool", each, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    second = net.op("LeakyRelu", net.conv(pooled, 24, 24, size=1), alpha=0.3)
    summed = net.op("Relu", net.op("Add", net.conv(second, 24, 24), pooled))
    mean = net.op("AveragePool", summed, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    return net, net.op("Sigmoid", net.conv(mean, 20, 24))


def joined() -> tuple[Net, str]:
    """Concat in blocks, groups of whole blocks, and means over all."""
    net = Net()
    first = net.op("Tanh", net.conv("x", 32, 20))
    both = net.op("Concat", first, net.conv(first, 32, 32), axis=1)
    grouped = net.op("HardSigmoid", net.conv(both, 64, 32, group=2))
    whole = net.op("Mul", net.op("GlobalAveragePool", grouped), net.op("GlobalMaxPool", grouped))
    return net, net.conv(whole, 8, 64, size=1)


def upsampled(mode: str, where: str) -> tuple[Net, str]:
    """Resize in blocks."""
    net = Net()
    form = {"nearest_mode": "floor"} if mode == "nearest" else {}
    scales = net.const(np.array([1, 1, 2, 3], "f"))
    kept = {"mode": mode, "coordinate_transformation_mode": where, **form}
    bigger = net.op("Resize", net.conv("x", 16, 3), "", scales, **kept)
    return net, net.conv(bigger, 32, 16)


def turned() -> tuple[Net, str]:
    """Channels last before and after."""
    net = Net()
    first = net.op("Transpose", "x", perm=[0, 3, 1, 2])
    return net, net.op("Transpose", net.conv(first, 32, 32), perm=[0, 2, 3, 1])


NETS: list[tuple[tuple[Net, str], tuple[int, ...]]] = [
    (mixed(), (2, 3, 15, 14)),
    (joined(), (2, 20, 7, 6)),
    (upsampled("nearest", "asymmetric"), (1, 3, 5, 4)),
    (upsampled("linear", "asymmetric"), (1, 3, 5, 4)),
    (upsampled("linear", "half_pixel"), (1, 3, 5, 4)),
    (upsampled("linear", "align_corners"), (1, 3, 5, 4)),
    (turned(), (2, 5, 6, 32)),
]


@pytest.mark.parametrize(("net", "shape"), NETS)
@pytest.mark.parametrize("sizes", ["known", "open"])
def test_files_that_onnxruntime_optimized(
    net: tuple[Net, str], shape: tuple[int, ...], sizes: str
) -> None:
    made, output = net
    channels = shape.index(max(shape[1], shape[3]) if shape[3] == 32 else shape[1])
    declared = [
        size if sizes == "known" or axis == channels else f"d{axis}"
        for axis, size in enumerate(shape)
    ]
    model = made.model(output, *declared)
    optimized = OPTIMIZERS["ort_all"](model)
    assert optimized is not None
    if not any(node.domain == NCHWC[:-2] for node in optimized.graph.node):
        pytest.skip("onnxruntime makes no blocks on this processor")
    feeds = {"x": np.random.default_rng(4).standard_normal(shape).astype(np.float32)}
    plain = lowered(optimized)
    (expected,), (found,) = run_ort(model, feeds), run_ort(plain, feeds)
    assert distance(expected, found) <= 32


def test_weights_of_another_processor() -> None:
    """Their blocks are not in the file: shapes tell it where they do not fit."""
    block = block_here()
    w = np.zeros((block // 2, block, 1, 1), np.float32)
    given = [np.zeros((1, block, 4, 4), np.float32), w]
    told = refusal(model_of(f"{NCHWC}Conv", given, constant=(1,)))
    assert f"its weights are not in blocks of {block}, as they are on this processor" in told
    assert "weights, which are in blocks, is only known when the model runs" in refusal(
        model_of(f"{NCHWC}Conv", given)
    )


@pytest.mark.parametrize("block", [8, 16])
def test_turning_blocks_back(block: int) -> None:
    plain = np.arange(2 * block * 3 * block * 6).reshape(2 * block, 3 * block, 2, 3)
    parts = plain.reshape(2, block, 3, block, 2, 3).transpose(0, 2, 4, 5, 3, 1)
    np.testing.assert_array_equal(turned_back(parts.reshape(plain.shape), 1, block), plain)
    plain = plain[:, :3]
    parts = plain.reshape(2, block, 3, 2, 3).transpose(0, 2, 3, 4, 1)
    np.testing.assert_array_equal(turned_back(parts.reshape(plain.shape), 1, block), plain)


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("channels", [20, 32])
def test_reordering_there_and_back(last: int, channels: int) -> None:
    shape = (2, 3, 4, channels) if last else (2, channels, 3, 4)
    x = np.random.default_rng(4).standard_normal(shape).astype(np.float32)
    for sizes in (False, True):
        model = model_of(f"{NCHWC}ReorderInput", [x], channels_last=last, open_sizes=sizes)
        back = helper.make_node(
            "ReorderOutput", ["mid"], ["y0"], domain=NCHWC[:-2], channels=channels, channels_last=1
        )
        model.graph.node[0].output[0] = "mid"
        model.graph.node.append(back)
        model.graph.output[0].type.tensor_type.shape.CopyFrom(
            helper.make_tensor_type_proto(1, [None] * 4).tensor_type.shape
        )
        (expected,), (found,) = (run_ort(one, feeds_of([x])) for one in (model, lowered(model)))
        np.testing.assert_array_equal(expected, found)
