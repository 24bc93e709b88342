"""The NHWC copy of a network: convolutions between Transposes, everything else in NHWC.

As converters from channels-last frameworks write it. Equal numbers, another layout of most values.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper

TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]
_POINTWISE = {
    "Relu",
    "LeakyRelu",
    "Sigmoid",
    "Tanh",
    "Clip",
    "Add",
    "Mul",
    "Sub",
    "Div",
    "HardSwish",
}
_AXIS_OPS = {"Concat", "Softmax"}


class NhwcCopy:
    """Nodes of the copy, as they are written. Values of rank 4 live in NHWC under a new name."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._graph = model.graph
        self._nodes: list[onnx.NodeProto] = []
        self._moved: dict[str, str] = {}
        self._back: dict[str, str] = {}
        self._constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}

    def build(self) -> list[onnx.NodeProto]:
        """All nodes, with those that bring the outputs back to NCHW."""
        for node in self._graph.node:
            self._add(node)
        outputs = {value.name for value in self._graph.output}
        for name in outputs & self._moved.keys():
            self._transpose(self._moved[name], name, TO_NCHW)
        return self._nodes

    def _add(self, node: onnx.NodeProto) -> None:
        read = [name for name in node.input if name and name not in self._constants]
        moved = [name for name in read if name in self._moved]
        if node.op_type in ("Conv", "MaxPool", "AveragePool", "BatchNormalization"):
            self._island(node)
        elif moved and node.op_type in _POINTWISE and len(moved) == len(read):
            if all(self._fits(name) for name in node.input if name in self._constants):
                self._in_nhwc(node)
            else:
                self._plain(node)
        elif len(moved) == len(read) and node.op_type in _AXIS_OPS and moved:
            self._in_nhwc(node)
        else:
            self._plain(node)

    def _island(self, node: onnx.NodeProto) -> None:
        """Transposed there and back around the node."""
        copy = _copy(node)
        copy.input[0] = self._nchw(node.input[0])
        copy.output[0] = f"{node.output[0]}/nchw"
        self._nodes.append(copy)
        self._moved[node.output[0]] = f"{node.output[0]}/nhwc"
        self._transpose(copy.output[0], self._moved[node.output[0]], TO_NHWC)

    def _in_nhwc(self, node: onnx.NodeProto) -> None:
        copy = _copy(node)
        for index, name in enumerate(node.input):
            copy.input[index] = self._moved.get(name) or self._channels_last(name)
        copy.output[0] = self._moved[node.output[0]] = f"{node.output[0]}/nhwc"
        for attribute in copy.attribute:
            if attribute.name == "axis":
                attribute.i = TO_NHWC.index(attribute.i % 4)
        self._nodes.append(copy)

    def _plain(self, node: onnx.NodeProto) -> None:
        copy = _copy(node)
        for index, name in enumerate(node.input):
            if name in self._moved:
                copy.input[index] = self._nchw(name)
        self._nodes.append(copy)

    def _nchw(self, name: str) -> str:
        if name not in self._moved:
            return name
        if name not in self._back:
            self._back[name] = f"{name}/back"
            self._transpose(self._moved[name], self._back[name], TO_NCHW)
        return self._back[name]

    def _fits(self, name: str) -> bool:
        return self._constants[name].ndim in (0, 1, 3, 4) and (
            self._constants[name].size == 1 or self._constants[name].ndim >= 3
        )

    def _channels_last(self, name: str) -> str:
        array = self._constants.get(name)
        if array is None or array.ndim < 3:
            return name
        moved = np.moveaxis(array, -3, -1)
        tensor = numpy_helper.from_array(np.ascontiguousarray(moved), f"{name}/nhwc")
        if tensor.name not in {known.name for known in self._graph.initializer}:
            self._graph.initializer.append(tensor)
        return tensor.name

    def _transpose(self, source: str, made: str, perm: Iterable[int]) -> None:
        node = helper.make_node(
            "Transpose", [source], [made], name=f"t{len(self._nodes)}", perm=perm
        )
        self._nodes.append(node)


def nhwc_copy(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with its four-dimensional values in NHWC, inputs and outputs in NCHW."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    nodes = NhwcCopy(copy).build()
    del copy.graph.node[:], copy.graph.value_info[:]
    copy.graph.node.extend(nodes)
    onnx.checker.check_model(copy)
    return copy


def _copy(node: onnx.NodeProto) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    return copy
