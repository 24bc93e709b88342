"""The pair of models that `demo` compares: a small residual network, and a copy with one defect."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

CHANNELS, CLASSES, SIZE = 16, 10, 32
PLANTED = "layer2.bn"


@dataclass
class Network:
    """Nodes and weights in the making; each method returns the name of the value it adds."""

    random: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def weight(self, name: str, array: NDArray[np.floating]) -> str:
        """An initializer in float32."""
        self.weights.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def add(self, op: str, name: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output, which has the node's name."""
        made = f"{name}.out"
        self.nodes.append(helper.make_node(op, inputs, [made], name=name, **attributes))
        return made

    def conv_bn(self, name: str, x: str, channels: int) -> str:
        """Conv, then BatchNormalization with the epsilon that PyTorch uses."""
        spread = 1 / np.sqrt(channels * 9)
        kernel = self.random.normal(0, spread, (CHANNELS, channels, 3, 3))
        weight = self.weight(f"{name}.conv.weight", kernel)
        x = self.add("Conv", f"{name}.conv", x, weight, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        statistics = {
            "scale": self.random.uniform(0.5, 1.5, CHANNELS),
            "bias": self.random.normal(0, 0.1, CHANNELS),
            "mean": self.random.normal(0, 0.1, CHANNELS),
            "var": self.random.uniform(0.1, 0.5, CHANNELS),
        }
        names = [self.weight(f"{name}.bn.{key}", array) for key, array in statistics.items()]
        return self.add("BatchNormalization", f"{name}.bn", x, *names, epsilon=1e-5)


def reference_model() -> onnx.ModelProto:
    """A network of 20 nodes for 32x32 images: three residual blocks, a pool and a classifier."""
    net = Network(np.random.default_rng(0))
    x = net.add("Relu", "stem.relu", net.conv_bn("stem", "image", 3))
    x = net.add("MaxPool", "stem.pool", x, kernel_shape=[2, 2], strides=[2, 2])
    for block in ("layer1", "layer2", "layer3"):
        y = net.conv_bn(block, x, CHANNELS)
        x = net.add("Relu", f"{block}.relu", net.add("Add", f"{block}.add", y, x))
    x = net.add("GlobalAveragePool", "head.pool", x)
    x = net.add("Flatten", "head.flatten", x)
    kernel = net.random.normal(0, 0.1, (CLASSES, CHANNELS))
    weight = net.weight("head.fc.weight", kernel)
    bias = net.weight("head.fc.bias", net.random.normal(0, 0.1, CLASSES))
    x = net.add("Gemm", "head.fc", x, weight, bias, transB=1)
    net.nodes.append(helper.make_node("Softmax", [x], ["probabilities"], name="head.softmax"))
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])
    made = helper.make_tensor_value_info(
        "probabilities", onnx.TensorProto.FLOAT, ["batch", CLASSES]
    )
    graph = helper.make_graph(net.nodes, "demo", [image], [made], net.weights)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="pyonnxtool demo"
    )
    model.ir_version = 8
    return model


def spoiled_copy(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with one epsilon changed from 1e-5 to 1e-3, as exports from another framework do.

    It is valid, runs, and gives probabilities that look right.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    node = next(node for node in copy.graph.node if node.name == PLANTED)
    next(item for item in node.attribute if item.name == "epsilon").f = 1e-3
    return copy


def write_pair(folder: Path) -> tuple[Path, Path]:
    """Write `good.onnx` and `bad.onnx`, both accepted by the checker of ONNX."""
    good = reference_model()
    paths = folder / "good.onnx", folder / "bad.onnx"
    for model, path in zip((good, spoiled_copy(good)), paths, strict=True):
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)
    return paths
